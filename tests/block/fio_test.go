//go:build e2e

package block

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// side is what fio measured of reads or writes.
type side struct {
	IOs       int     `json:"total_ios"`
	IOPS      float64 `json:"iops"`
	Bandwidth int64   `json:"bw_bytes"`
	Latency   struct {
		Max int64 `json:"max"`
	} `json:"lat_ns"`
}

// result is what fio found.
type result struct {
	Jobs []struct {
		Errors int  `json:"total_err"`
		Error  int  `json:"error"`
		Read   side `json:"read"`
		Write  side `json:"write"`
	} `json:"jobs"`
}

// fio runs in the background.
type fio struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// verifying writes at random below a directory, with checksums that it reads back.
func verifying(t testing.TB, dir string, d time.Duration) *fio {
	t.Helper()
	return startFio(t, "--directory="+dir, "--size=64M", "--rw=randwrite", "--bs=16k", "--iodepth=8", "--direct=1",
		"--verify=crc32c", "--verify_backlog=128", "--verify_fatal=1", "--time_based", fmt.Sprintf("--runtime=%d", int(d.Seconds())))
}

func startFio(t testing.TB, args ...string) *fio {
	t.Helper()
	f := &fio{t: t}
	f.cmd = exec.Command("fio", append([]string{"--name=job", "--ioengine=libaio", "--output-format=json"}, args...)...)
	f.cmd.Dir = t.TempDir() // where it leaves how far it has verified
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, &f.stderr
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // it may have ended
	return f
}

// wait returns what it found. The error is fio's own: an I/O error or a checksum that does not match.
func (f *fio) wait() (result, error) {
	var r result
	if err := f.cmd.Wait(); err != nil {
		return r, fmt.Errorf("fio: %w: %s%s", err, f.stderr.String(), f.stdout.String())
	}
	return r, json.Unmarshal(f.stdout.Bytes(), &r)
}

// wantClean fails the test on any error, and returns the longest that a write took.
func (f *fio) wantClean() time.Duration {
	f.t.Helper()
	r, err := f.wait()
	if err != nil {
		f.t.Fatal(err)
	}
	j := r.Jobs[0]
	if j.Errors != 0 || j.Error != 0 || j.Write.IOs == 0 {
		f.t.Fatalf("fio: %d errors, %d writes", j.Errors+j.Error, j.Write.IOs)
	}
	return time.Duration(max(j.Write.Latency.Max, j.Read.Latency.Max))
}
