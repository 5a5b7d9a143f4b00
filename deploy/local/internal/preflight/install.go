package preflight

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// aptWait is how many seconds to wait for another apt-get to end.
const aptWait = "900"

// Install installs Debian packages, after reading the package lists anew if they
// do not know one of them. log is where apt-get's output goes.
func Install(ctx context.Context, report *progress.Reporter, packages []string, log string) error {
	if len(packages) == 0 {
		return nil
	}
	return report.Do(ctx, "install packages "+strings.Join(packages, " "), func(ctx context.Context, step *progress.Step) error {
		step.Log(log)
		out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
		if err != nil {
			return fmt.Errorf("create the log of apt-get: %w", err)
		}
		defer out.Close()
		install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
		if aptGet(ctx, out, install...) == nil {
			return nil
		}
		step.Detail("reading the package lists")
		if err := aptGet(ctx, out, "update"); err != nil {
			return err
		}
		return aptGet(ctx, out, install...)
	})
}

func aptGet(ctx context.Context, out *os.File, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=" + aptWait}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", args[0], err)
	}
	return nil
}
