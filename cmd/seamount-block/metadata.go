package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
)

// newMetadata is what the agent runs for images that the kernel's own client maps. The key comes through the input, so that
// no list of processes shows it.
func newMetadata() *cobra.Command {
	return &cobra.Command{
		Use:   "metadata",
		Short: "Read and write the metadata of an image: a request as JSON on the input, the answer on the output",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var request mapper.MetadataRequest
			if err := json.NewDecoder(cmd.InOrStdin()).Decode(&request); err != nil {
				return err
			}
			return answer(cmd.Context(), cmd.OutOrStdout(), request)
		},
	}
}

func answer(ctx context.Context, out io.Writer, r mapper.MetadataRequest) error {
	response, err := ask(ctx, r)
	if err != nil {
		response.Error = &block.Error{Code: codeOf(err), Message: err.Error()}
	}
	return json.NewEncoder(out).Encode(response)
}

func ask(ctx context.Context, r mapper.MetadataRequest) (mapper.MetadataResponse, error) {
	client, err := rados.Connect(ctx, rados.Config{
		MonHosts: r.Connection.Mons, FSID: r.Connection.FSID, Entity: r.Connection.Entity, Key: ceph.NewSecret(r.Connection.Key),
	})
	if err != nil {
		return mapper.MetadataResponse{}, err
	}
	response, err := exchange(ctx, client, r)
	return response, errors.Join(err, client.Close())
}

// exchange works on the image. Images is all that it needs of a client.
func exchange(ctx context.Context, images ceph.Images, r mapper.MetadataRequest) (response mapper.MetadataResponse, err error) {
	ref := ceph.ImageRef{Pool: r.Image.Pool, Name: r.Image.Name}
	for key, value := range r.Set {
		if value == "" {
			err = images.RemoveImageMetadata(ctx, ref, key)
		} else {
			err = images.SetImageMetadata(ctx, ref, key, value)
		}
		if err != nil {
			return response, err
		}
	}
	if response.Metadata, err = images.ImageMetadata(ctx, ref); err != nil || !r.Blank {
		return response, err
	}
	response.Blank, err = blank(ctx, images, ref)
	return response, err
}

// blank says whether nothing can be read from the image but zeros. What a parent holds is not its own.
func blank(ctx context.Context, images ceph.Images, ref ceph.ImageRef) (bool, error) {
	image, err := images.Image(ctx, ref)
	if err != nil || image.Parent != nil && image.Overlap > 0 {
		return false, err
	}
	used, err := images.ImageUsage(ctx, ref)
	return used == 0, err
}

// codeOf puts an error of the Ceph client into the words of seamount-block.
func codeOf(err error) block.Code {
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		return block.NotFound
	case errors.Is(err, ceph.ErrPermission), errors.Is(err, ceph.ErrAuthentication):
		return block.Denied
	case errors.Is(err, ceph.ErrTimeout):
		return block.Timeout
	}
	return block.Unavailable
}
