//go:build record

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// testdata/README.md says what cluster these flags want.
var (
	recordConf    = flag.String("record.conf", "", "ceph.conf of the cluster to record from")
	recordRelease = flag.String("record.release", "", "its release, as testdata names it: 16.2.15, 18.2.7, 20.2.4")
)

// librados speaks through the Python binding that every ceph-common brings
// along: this package must not link the C one.
const librados = `
import base64, json, os, rados, sys
q = json.load(sys.stdin)
c = rados.Rados(conffile=q["conf"], conf={"rados_mon_op_timeout": "60"})
c.connect()
send = c.mgr_command if q["mgr"] else c.mon_command
ret, out, outs = send(q["command"], base64.b64decode(q["input"] or ""))
json.dump({"ret": ret, "out": base64.b64encode(out or b"").decode(), "outs": outs or ""}, sys.stdout)
sys.stdout.flush()
os._exit(0) # the binding may crash while Python ends
`

// recorder is a transport that writes down what a real cluster answers.
type recorder struct {
	t        *testing.T
	name     string // of the next answer's file; empty: the command's own
	refusals []refusal
}

func (rec *recorder) Send(ctx context.Context, r Request) (Reply, error) {
	command, err := r.Encode()
	if err != nil {
		return Reply{}, err
	}
	question, err := json.Marshal(map[string]any{
		"conf": *recordConf, "mgr": r.Target == Mgr(), "command": string(command), "input": r.Input,
	})
	if err != nil {
		return Reply{}, err
	}
	run := exec.CommandContext(ctx, "/usr/bin/python3", "-c", librados)
	run.Stdin, run.Stderr = bytes.NewReader(question), os.Stderr
	text, err := run.Output()
	if err != nil {
		rec.t.Fatalf("python3: %v", err)
	}
	var answer struct {
		Ret  int    `json:"ret"`
		Out  []byte `json:"out"`
		Outs string `json:"outs"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return Reply{}, err
	}
	return rec.keep(r, Reply{Output: answer.Out, Status: answer.Outs}, -answer.Ret)
}

func (rec *recorder) keep(r Request, reply Reply, errno int) (Reply, error) {
	name := rec.name
	if name == "" {
		name = strings.NewReplacer(" ", "-", "_", "-").Replace(r.Op)
	}
	if len(reply.Output) > 0 {
		if r.Plain {
			rec.write(name+".bin", reply.Output)
		} else {
			rec.write(name+".json", anonymous(reply.Output))
		}
	}
	if errno == 0 {
		return reply, nil
	}
	rec.refusals = append(rec.refusals, refusal{r.Op, r.Args, errno, string(anonymous([]byte(reply.Status)))})
	return reply, Failure(r, errno, reply.Status)
}

func (rec *recorder) write(name string, b []byte) {
	rec.t.Helper()
	dir := filepath.Join("testdata", *recordRelease)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		rec.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		rec.t.Fatal(err)
	}
}

// dummies stand in for what is of this cluster alone, keys before all.
var dummies = []struct{ find, put string }{
	{`AQ[A-Za-z0-9+/]{36}==`, "AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA=="},
	{`Ag[A-Za-z0-9+/]{57}=`, "AgAAAAAAAAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	{`"[^"]*/osd\.([0-9]+)(/block)?"`, `"/var/lib/ceph/osd/ceph-$1$2"`},
	{`File \\"[^"]*/mgr/`, `File \"/usr/share/ceph/mgr/`},
	{`"kernel_version":"[^"]*"`, `"kernel_version":"6.12.0"`},
}

func anonymous(b []byte) []byte {
	for _, d := range dummies {
		b = regexp.MustCompile(d.find).ReplaceAll(b, []byte(d.put))
	}
	return b
}

// as names the file of the answers that f gets.
func (rec *recorder) as(name string, f func() error) error {
	rec.name = name
	defer func() { rec.name = "" }()
	return f()
}

func TestRecord(t *testing.T) {
	if *recordConf == "" || *recordRelease == "" {
		t.Fatal("give -record.conf and -record.release; see testdata/README.md")
	}
	rec := &recorder{t: t}
	s := &scenario{t: t, rec: rec, ctx: t.Context()}
	s.Admin = NewAdmin(rec, func() time.Time { return time.Unix(0, 0) })
	for _, part := range []struct {
		name string
		run  func()
	}{
		{"crush", s.crush}, {"pools", s.pools}, {"osds", s.osds}, {"flags", s.flags}, {"blocklist", s.blocklist},
		{"auth", s.auth}, {"config", s.config}, {"filesystems", s.filesystems}, {"subvolumes", s.subvolumes},
		{"mons", s.mons}, {"mgrs", s.mgrs}, {"health", s.health}, {"downOSD", s.downOSD}, {"reads", s.reads},
	} {
		t.Log(part.name)
		part.run()
	}
	rec.writeRefusals()
}

// writeRefusals leaves out repetitions, such as those of a poll.
func (rec *recorder) writeRefusals() {
	var out []refusal
	for _, e := range rec.refusals {
		same := func(o refusal) bool { return o.Op == e.Op && o.Status == e.Status }
		if !slices.ContainsFunc(out, same) {
			out = append(out, e)
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		rec.t.Fatal(err)
	}
	rec.write(refusalsFile, append(b, '\n'))
}

// scenario brings a cluster into a state in which every answer has something to
// say, and checks on the way what package ceph promises of each call.
type scenario struct {
	*Admin
	t   *testing.T
	rec *recorder
	ctx context.Context
}

// want fails the test unless err is of the kind; nil wants success.
func (s *scenario) want(err, kind error, what string) {
	s.t.Helper()
	if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
		s.t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

// until polls for something that Ceph does in its own time.
func (s *scenario) until(what string, done func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 90 {
		if done() {
			return
		}
		<-tick.C
	}
	s.t.Fatalf("not within 90 s: %s", what)
}
