package mapper

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/host"
)

// MetadataRequest is what the program seamount-block reads from its input when it is called with the argument metadata, for
// images that no worker of it has.
type MetadataRequest struct {
	Connection block.Connection `json:"connection"`
	Image      block.Image      `json:"image"`
	// Set are values to write; an empty one removes its key.
	Set map[string]string `json:"set,omitempty"`
	// Blank asks whether anything is in the image.
	Blank bool `json:"blank,omitempty"`
}

// MetadataResponse is what it writes to its output.
type MetadataResponse struct {
	Metadata map[string]string `json:"metadata"`
	Blank    bool              `json:"blank,omitempty"`
	// Error and its code.
	Error *block.Error `json:"error,omitempty"`
}

// Command reads and writes metadata by a program that is run for each request.
type Command struct {
	Run      func(ctx context.Context, p host.Program) (string, error)
	Programs Programs
}

// Get reads a value; one that is not there is empty.
func (c Command) Get(ctx context.Context, v Volume, key string) (string, error) {
	response, err := c.ask(ctx, MetadataRequest{Connection: v.Connection, Image: v.Image})
	return response.Metadata[key], err
}

// Set writes a value.
func (c Command) Set(ctx context.Context, v Volume, key, value string) error {
	_, err := c.ask(ctx, MetadataRequest{Connection: v.Connection, Image: v.Image, Set: map[string]string{key: value}})
	return err
}

// Blank asks whether Ceph holds nothing of the image.
func (c Command) Blank(ctx context.Context, v Volume) (bool, error) {
	response, err := c.ask(ctx, MetadataRequest{Connection: v.Connection, Image: v.Image, Blank: true})
	return response.Blank, err
}

func (c Command) ask(ctx context.Context, r MetadataRequest) (MetadataResponse, error) {
	var response MetadataResponse
	input, err := json.Marshal(r)
	if err != nil {
		return response, err
	}
	command, err := c.Programs.Command(program, "metadata")
	if err != nil {
		return response, err
	}
	out, err := c.Run(ctx, host.Program{Command: command, Input: input, Answer: true})
	if err != nil {
		return response, fmt.Errorf("ask Ceph about %s: %w", r.Image, err)
	}
	if err := json.Unmarshal([]byte(out), &response); err != nil {
		return response, fmt.Errorf("ask Ceph about %s: unexpected answer: %w", r.Image, err)
	}
	if response.Error != nil {
		return response, coded(response.Error)
	}
	return response, nil
}
