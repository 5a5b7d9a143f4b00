package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/daemon"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func newCephCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ceph",
		Short: "Start Ceph's daemons in their pods",
	}
	cmd.AddCommand(newInstallCommand(), newMonCommand(), newMgrCommand(), newOSDCommand(), newMDSCommand(), newRecoverCommand())
	return cmd
}

func newInstallCommand() *cobra.Command {
	var to, own string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Copy this program to where a container of Ceph finds it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			if err := giveAway(own); err != nil {
				return err
			}
			return daemon.Install(self, to)
		},
	}
	cmd.Flags().StringVar(&to, "to", handover.Program, "path to copy to")
	cmd.Flags().StringVar(&own, "own", "", "a directory to give away, as USER:DIRECTORY, with the user's number")
	return cmd
}

// giveAway makes a directory a user's own. What is in it is that user's already.
func giveAway(own string) error {
	if own == "" {
		return nil
	}
	number, dir, _ := strings.Cut(own, ":")
	user, err := strconv.Atoi(number)
	if err != nil || dir == "" {
		return fmt.Errorf("--own: %q is not USER:DIRECTORY", own)
	}
	return os.Chown(dir, user, user)
}

// lastWords is the file that Kubernetes takes a container's last words from.
const lastWords = handover.TerminationFile

// exitCode of the program. A refusal has one of its own, and is left in a file as the container's last words.
func exitCode(err error, file string) int {
	var refused *daemon.RefusedError
	if !errors.As(err, &refused) {
		return 1
	}
	message := handover.TerminationMessage(refused.Refusal)
	if err := os.WriteFile(file, []byte(message), 0o644); err != nil { //nolint:gosec // kubelet reads it
		fmt.Fprintln(os.Stderr, "seamount-node:", err)
	}
	return handover.ExitRefused
}
