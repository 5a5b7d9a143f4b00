//go:build e2e

package discover

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestOSDs has the disk of an OSD, by the oldest and the newest release, and looks at it with all that can be known of
// clusters: that is what makes it one in service, one that was forgotten, and somebody else's.
func TestOSDs(t *testing.T) {
	for release, root := range map[string]string{"16": "", "20": ceph20(t)} {
		t.Run(release, func(t *testing.T) { osdOf(t, root) })
	}
}

func osdOf(t *testing.T, root string) {
	fsid, o := uuid.NewString(), newOSD(12)
	d := loopdev.New(t, 3<<30)
	osd(root, fsid, o)(t, d)
	here := map[string]verdict.Cluster{fsid: {Namespace: "seamount", Name: "main"}}
	for name, tt := range map[string]struct {
		context verdict.Context
		result  v1alpha1.VerdictResult
		reason  string
	}{
		"in service":         {verdict.Context{Clusters: here, OSDs: map[string]verdict.OSD{o.UUID: {ID: 12, FSID: fsid}}}, v1alpha1.VerdictInUse, v1alpha1.ReasonInUse},
		"forgotten":          {verdict.Context{Clusters: here}, v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD},
		"of another cluster": {verdict.Context{}, v1alpha1.VerdictRejected, v1alpha1.ReasonForeignOSD},
		"nobody can say":     {verdict.Context{Unread: "the API server does not answer"}, v1alpha1.VerdictUnknown, v1alpha1.ReasonNotScanned},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t)
			c.context.Clusters, c.context.OSDs, c.context.Unread = tt.context.Clusters, tt.context.OSDs, tt.context.Unread
			j := c.scan(t, d)[d.Name]
			j.mustBe(t, tt.result, tt.reason, v1alpha1.ContentBlueStore)
			identified(t, j, o, fsid)
			withoutKey(t, j, o)
		})
	}
	zero(0, 1<<20)(t, d)
	j := newChain(t).scan(t, d)[d.Name]
	headless(t, j, root != "")
	withoutKey(t, j, o)
}

// headless is a disk whose first MiB was wiped. Since release 20 labels are also at 1 GiB and further on.
func headless(t *testing.T, j judged, labelled bool) {
	t.Helper()
	if labelled {
		j.mustBe(t, v1alpha1.VerdictRejected, v1alpha1.ReasonForeignOSD, v1alpha1.ContentBlueStore)
		return
	}
	j.mustBe(t, v1alpha1.VerdictRejected, v1alpha1.ReasonNotEmpty, v1alpha1.ContentUnrecognized)
}

func identified(t *testing.T, j judged, o cephtest.OSD, fsid string) {
	t.Helper()
	if j.Judgement.Content == nil || j.Judgement.Content.BlueStore == nil {
		t.Fatalf("%s: no BlueStore label in %+v", j.Name, j.Judgement.Content)
	}
	label := j.Judgement.Content.BlueStore
	if label.FSID != fsid || label.OSDUUID != o.UUID || label.OSDID == nil || strconv.Itoa(int(*label.OSDID)) != o.ID {
		t.Errorf("the label says %+v, want osd.%s with %s of %s", label, o.ID, o.UUID, fsid)
	}
}

// withoutKey (D6) looks for the key in everything that discover knows of the disk.
func withoutKey(t *testing.T, j judged, o cephtest.OSD) {
	t.Helper()
	said, err := json.Marshal([]any{j.Disk, j.Judgement, j.name, j.id, j.seal})
	if err != nil {
		t.Fatal(err)
	}
	key := o.Key.Reveal()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(said, []byte(key)) || bytes.Contains(said, raw[12:]) {
		t.Errorf("what is known of the disk of osd.%s has its key in it", o.ID)
	}
}
