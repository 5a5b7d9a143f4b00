package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var update = flag.Bool("update", false, "write the golden files anew")

// worlds that every command is shown in.
func worlds() map[string][]client.Object {
	return map[string][]client.Object{"healthy": healthy().objects(), "troubled": troubled().objects(), "none": nil}
}

// screens are the worlds with the command lines that are recorded in each.
func screens() map[string]screenplay {
	all := map[string]screenplay{"working": {working().objects(), workingTranscripts()}}
	for name, objects := range worlds() {
		all[name] = screenplay{objects, transcripts()}
	}
	return all
}

// screenplay is a world, and the command lines by the names of their files.
type screenplay struct {
	objects []client.Object
	lines   map[string]string
}

// transcripts are the command lines of which a terminal is recorded, by the names of their files.
func transcripts() map[string]string {
	lines := map[string]string{
		"version": "version", "completion": "completion",
		"approve": "approve replace-osd-2-x7k2p --dry-run=client", "disks-of-node": "disks --node n3 --all", "disks-of-osd": "disks -l osd.seamount.dev/2 --no-headers",
		"operation": "operations replace-osd-2-x7k2p", "hold": "hold replace-osd-2-x7k2p", "cancel": "cancel replace-osd-2-x7k2p --yes",
		"volume":  "volumes -n shop data-web-0",
		"what-if": "plan --what-if remove wwn-5000c50093280000", "what-if-json": "plan --what-if drain --node n1 -o json",
		"what-if-refused": "plan --what-if wipe eui-0025385b71b0a1c0",
	}
	for _, command := range []string{"status", "disks", "plan", "operations"} {
		for _, format := range allFormats() {
			lines[command+"-"+format] = command + " -o " + format
		}
		lines[command] = command
	}
	for name, object := range map[string]string{
		"pod": "pod/web-0 -n shop", "pending-pod": "pod/batch-0 -n shop", "claim": "pvc/data-web-0 -n shop", "pool": "sp/bulk", "filesystem": "sfs/home", "cluster": "scl/main",
		"failing-disk": "disk/wwn-5000c50093280002", "down-disk": "sd/wwn-5000c50093280001", "boot-disk": "disk/sn-samsung-ssd-860-s3zn1",
		"new-disk": "disk/wwn-5000c50093289999", "operation": "sop replace-osd-2-x7k2p", "node": "node/n2",
	} {
		lines["why-"+name] = "why " + object
	}
	lines["why-pending-pod-json"] = "why pod/batch-0 -n shop -o json"
	lines["why-shared-pod"] = "why pod/media-0 -n shop"
	for _, format := range allFormats() {
		lines["volumes-"+format] = "volumes -A -o " + format
	}
	return lines
}

// TestTranscripts holds what a person sees, stdout and stderr as they come, to files.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for name, play := range screens() {
		if *update { // no file stays that nothing writes
			if err := os.RemoveAll(filepath.Join("testdata", name)); err != nil {
				t.Fatal(err)
			}
		}
		for file, line := range play.lines {
			t.Run(name+" "+file, func(t *testing.T) {
				t.Parallel()
				golden(t, filepath.Join(name, file+".txt"), record(t, line, play.objects))
			})
		}
	}
}

// record runs a command line with a terminal that shows both of its streams.
func record(t *testing.T, line string, objects []client.Object) []byte {
	t.Helper()
	w := newWorld(t, planning(planned), copies(objects)...)
	var screen bytes.Buffer
	w.app.Out, w.app.Err = &screen, &screen
	fmt.Fprintf(&screen, "$ kubectl seamount %s\n", line)
	if code := w.run(t, line); code != exitOK {
		fmt.Fprintf(&screen, "(exit code %d)\n", code)
	}
	return regexp.MustCompile(`go1\.[0-9.]+, \w+/\w+`).ReplaceAll(screen.Bytes(), []byte("go1.26, linux/amd64"))
}

func copies(objects []client.Object) []client.Object {
	var all []client.Object
	for _, o := range objects {
		all = append(all, o.DeepCopyObject().(client.Object))
	}
	return all
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestGoldenFilesAreUsed finds files that no command line writes any more.
func TestGoldenFilesAreUsed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		lines := screens()[filepath.Base(filepath.Dir(file))].lines
		if _, known := lines[strings.TrimSuffix(filepath.Base(file), ".txt")]; !known {
			t.Errorf("%s belongs to no command line", file)
		}
	}
}
