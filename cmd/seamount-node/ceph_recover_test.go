package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const storedMonKey = "AQBpc3BsYXkAAAAAEAAAAAECAwQFBgcICQoLDA0ODw=="

// recoverTo runs the command on a whole store, against a server that answers with a status.
func recoverTo(t *testing.T, status int) (asked []string, patch map[string]map[string]string, out string, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type"))
		if err := json.Unmarshal(body, &patch); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"}}`)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"kubeconfig": `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"` + server.URL + `"}}],
			"contexts":[{"name":"x","context":{"cluster":"c"}}],"current-context":"x"}`,
		"ceph-a/store.db/CURRENT": "MANIFEST-1\n",
		"ceph-a/keyring":          "[mon.]\n\tkey = " + storedMonKey + "\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err = run(t, "ceph", "recover", "--name=a", "--fsid=f", "--dir="+dir, "--kubeconfig="+filepath.Join(dir, "kubeconfig"),
		"--namespace=n", "--secret=s", "--secret-uid=u")
	return asked, patch, out, err
}

func TestRecover(t *testing.T) {
	t.Parallel()
	asked, patch, out, err := recoverTo(t, http.StatusOK)
	if err != nil || out != "" {
		t.Errorf("%v, printed %q", err, out)
	}
	if diff := cmp.Diff([]string{"PATCH /api/v1/namespaces/n/secrets/s application/merge-patch+json"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	var key []byte
	if err := json.Unmarshal([]byte(`"`+patch["data"][handover.RecoveredMonKey]+`"`), &key); err != nil || string(key) != storedMonKey {
		t.Errorf("wrote %v, %v", patch["data"], err)
	}
	if diff := cmp.Diff(map[string]string{"uid": "u"}, patch["metadata"]); diff != "" {
		t.Errorf("the Secret (-want +got):\n%s", diff)
	}
	if _, _, _, err := recoverTo(t, http.StatusConflict); err == nil {
		t.Error("written into another Secret, and no error")
	}
}
