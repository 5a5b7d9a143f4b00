package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Kubectl talks to one cluster as its administrator.
type Kubectl struct {
	// Program and Kubeconfig are files.
	Program, Kubeconfig string
}

// Run runs kubectl and returns what it printed. Standard input may be empty.
func (k Kubectl) Run(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := command(ctx, k.Program, k.arguments(args)...)
	cmd.Stdin = strings.NewReader(stdin)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(problems.Bytes()))
	}
	return strings.TrimSpace(string(out)), err
}

func (k Kubectl) arguments(args []string) []string {
	return append([]string{"--kubeconfig=" + k.Kubeconfig}, args...)
}

// Get reads an object, and says whether it is there.
func (k Kubectl) Get(ctx context.Context, namespace, name string) (Object, bool, error) {
	out, err := k.Run(ctx, "", "-n", namespace, "get", name, "--ignore-not-found", "-o", "json")
	if err != nil || out == "" {
		return Object{}, false, err
	}
	var o Object
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		return Object{}, false, fmt.Errorf("read %s: %w", name, err)
	}
	return o, true, nil
}

// Apply makes objects as the text has them, also where somebody has changed them.
func (k Kubectl) Apply(ctx context.Context, text string) error {
	_, err := k.Run(ctx, text, "apply", "--server-side", "--force-conflicts", "--field-manager=seamount-trial", "-f", "-")
	return err
}

// watch hands every state of an object to see, from the present one on, until see returns true. It ends with an error
// when kubectl does.
func (k Kubectl) watch(ctx context.Context, namespace, name string, see func(Object) bool) error {
	kind, name, _ := strings.Cut(name, "/")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := command(ctx, k.Program, k.arguments([]string{
		"-n", namespace, "get", kind, "--field-selector=metadata.name=" + name, "--watch", "-o", "json",
	})...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start kubectl: %w", err)
	}
	for decoder := json.NewDecoder(out); ; {
		var o Object
		if err = decoder.Decode(&o); err != nil {
			break
		}
		if see(o) {
			cancel()
			cmd.Wait() //nolint:errcheck // it was told to end
			return nil
		}
	}
	cmd.Wait() //nolint:errcheck // what it said tells more
	return fmt.Errorf("the watch of %s ended: %w: %s", kind, err, bytes.TrimSpace(problems.Bytes()))
}
