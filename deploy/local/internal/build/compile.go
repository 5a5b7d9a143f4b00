package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// compiler compiles one component into a directory.
type compiler struct {
	component
	moduleDir string
	out       string
	log       *os.File
	step      *progress.Step
}

// record is kept beside the programs: what they cost.
type record struct {
	Component  string  `json:"component"`
	Toolchain  string  `json:"toolchain"`
	Packages   int     `json:"packages"`
	CPUSeconds float64 `json:"cpuSeconds"`
	Seconds    float64 `json:"seconds"`
}

const recordFile = "build.json"

// compile fills dir with the programs of c. The directory appears complete or
// not at all; what was compiled before an interruption is in go's build cache,
// so that the next try goes on from there.
func compile(ctx context.Context, c component, moduleDir, dir, log, toolchain string, step *progress.Step) error {
	step.Log(log)
	logFile, err := createLog(log)
	if err != nil {
		return err
	}
	defer logFile.Close()
	tmp := dir + ".part"
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove an interrupted build: %w", err)
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return fmt.Errorf("create the build's directory: %w", err)
	}
	k := compiler{component: c, moduleDir: moduleDir, out: tmp, log: logFile, step: step}
	began := time.Now()
	r, err := k.run(ctx)
	if err != nil {
		return err
	}
	r.Component, r.Toolchain, r.Seconds = c.Name, toolchain, time.Since(began).Seconds()
	if err := state.WriteJSON(filepath.Join(tmp, recordFile), r); err != nil {
		return err
	}
	step.Result("%d packages, %.0f CPU s", r.Packages, r.CPUSeconds)
	return os.Rename(tmp, dir)
}

func createLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the build's log: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create the build's log: %w", err)
	}
	return f, nil
}

func (k compiler) run(ctx context.Context) (record, error) {
	if len(k.Packages) == 0 {
		return k.compileC(ctx)
	}
	k.step.Detail("downloading modules")
	version, err := versions(ctx, k.component, k.moduleDir, k.linkedModules())
	if err != nil {
		return record{}, err
	}
	stale, err := stalePackages(ctx, k.component, k.moduleDir)
	if err != nil {
		return record{}, err
	}
	args := append([]string{"build", "-v", "-ldflags=" + k.ldflags(version), "-o", k.out + "/"}, k.flags()...)
	cmd := goCommand(ctx, k.component, k.moduleDir, append(args, k.Packages...)...)
	compiled := 0
	cpu, err := k.watch(cmd, func(line string) {
		if isPackage(line) {
			compiled++
			k.step.Detail("%d of %d packages: %s", compiled, stale, line)
		}
	})
	return record{Packages: compiled, CPUSeconds: cpu.Seconds()}, err
}

func (k compiler) compileC(ctx context.Context) (record, error) {
	program := filepath.Join(k.out, k.Name)
	cmd := exec.CommandContext(ctx, "gcc", "-Os", "-static", "-s", "-Wall", "-Werror", "-o", program, k.Source)
	cmd.Dir = k.moduleDir
	cpu, err := k.watch(cmd, func(string) {})
	return record{CPUSeconds: cpu.Seconds()}, err
}

// watch runs cmd with its output in the log, calls line for each line of it, and
// returns the CPU time of the command and of all its children.
func (k compiler) watch(cmd *exec.Cmd, line func(string)) (time.Duration, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Start()
	out.Close() //nolint:errcheck // the command has its own descriptor
	if err != nil {
		return 0, fmt.Errorf("compile %s: %w", k.Name, err)
	}
	last := ""
	readErr := eachLine(in, k.log, func(text string) { last = text; line(text) })
	if readErr != nil {
		io.Copy(k.log, in) //nolint:errcheck // keeps the command from blocking on a full pipe
	}
	err = cmd.Wait()
	if err != nil {
		return 0, fmt.Errorf("compile %s: %w: %s", k.Name, err, last)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), readErr
}

// isPackage tells an import path, which is what `go build -v` prints for each
// package it compiles, from what go says about downloads and errors.
func isPackage(line string) bool {
	return line != "" && !strings.ContainsAny(line, " :#")
}
