package reader

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"time"

	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Child is `seamount-node discover read`: it reads the disk that its arguments name and prints a disk.Content as JSON.
// It gives up the ability to write before it opens anything.
func Child(ctx context.Context, args []string, stdout io.Writer) error {
	target, deadline, err := parseArgs(args)
	if err != nil {
		return err
	}
	confine.ReadOnlyDevices()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return json.NewEncoder(stdout).Encode(content.Read(ctx, target))
}

func parseArgs(args []string) (content.Target, time.Duration, error) {
	var target content.Target
	flags := flag.NewFlagSet("discover read", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&target.Device, "device", "", "path of the disk")
	flags.Int64Var(&target.Size, "size", 0, "size of the disk in bytes")
	flags.Uint64Var(&target.Sequence, "sequence", 0, "diskseq of the disk, 0 where the kernel has none")
	flags.StringVar(&target.Blkid, "blkid", "", "path of blkid")
	deadline := flags.Duration("deadline", time.Minute, "give up after that")
	flags.Func("number", "major:minor of the disk", func(text string) error {
		number, err := disk.ParseNumber(text)
		target.Number = number
		return err
	})
	flags.Func("partition", "path of a partition; may be repeated", func(path string) error {
		target.Partitions = append(target.Partitions, path)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return target, 0, err
	}
	if target.Device == "" || target.Blkid == "" || flags.NArg() > 0 {
		return target, 0, errors.New("discover read needs --device and --blkid, and no arguments")
	}
	return target, *deadline, nil
}
