package audit

import (
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/csi/handle"
)

const name = "pvc-00000000-0000-4000-8000-000000000001"

func of(image string) handle.Handle {
	return handle.Handle{Namespace: "seamount", Cluster: "main", Pool: "fast", Image: image}
}

var listed = map[string]bool{"seamount/main/fast": true}

func TestJudge(t *testing.T) {
	t.Parallel()
	blank := Image{Handle: of(name), Looked: true}
	with := func(change func(*Image)) Image {
		image := blank
		change(&image)
		return image
	}
	tests := map[string]struct {
		image  Image
		reason Reason
		remove bool
		want   string
	}{
		"half-made and blank":       {blank, Unfinished, true, "never written to"},
		"made and never written to": {with(func(i *Image) { i.Recorded, i.Claim = true, "shop/data" }), Orphaned, true, "made for shop/data"},
		"with data":                 {with(func(i *Image) { i.Recorded, i.Bytes = true, 1 }), Orphaned, false, "it holds data"},
		"half-made with data":       {with(func(i *Image) { i.Bytes = 1 }), Unfinished, false, "it holds data"},
		"unread":                    {with(func(i *Image) { i.Recorded, i.Bytes = true, -1 }), Orphaned, false, "could not be read"},
		"restored":                  {with(func(i *Image) { i.Recorded, i.Clone = true, true }), Orphaned, false, "the data of what it was made from"},
		"half-made clone":           {with(func(i *Image) { i.Begun, i.Clone = true, true }), Unfinished, true, "never written to"},
		"a clone of somebody's":     {with(func(i *Image) { i.Clone = true }), Unfinished, false, "nothing shows to be ours"},
		"open":                      {with(func(i *Image) { i.Recorded, i.Users = true, 2 }), Orphaned, false, "2 clients have it open"},
		"with snapshots":            {with(func(i *Image) { i.Recorded, i.Snapshots = true, 1 }), Orphaned, false, "1 snapshots"},
		"with children":             {with(func(i *Image) { i.Recorded, i.Children = true, 1 }), Orphaned, false, "1 images read from it"},
		"being deleted":             {with(func(i *Image) { i.Recorded, i.Deleting, i.Bytes, i.Children = true, true, 5, 1 }), Orphaned, true, "removed"},
		"being deleted and open":    {with(func(i *Image) { i.Recorded, i.Deleting, i.Users = true, true, 1 }), Orphaned, false, "have it open"},
		"a name alone":              {with(func(i *Image) { i.Headless = true }), Headless, true, "cleared away"},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			found := Judge([]Image{tt.image}, Known{}, listed)
			if len(found) != 1 || found[0].Reason != tt.reason || found[0].Remove != tt.remove || !strings.Contains(found[0].Message, tt.want) {
				t.Errorf("got %+v", found)
			}
		})
	}
}

// TestKnownIsLeftAlone shows that nothing is amiss with what Kubernetes knows, or with an image of another name.
func TestKnownIsLeftAlone(t *testing.T) {
	t.Parallel()
	image := Image{Handle: of(name), Looked: true}
	for label, known := range map[string]Known{
		"a volume": {Handles: map[string]string{of(name).String(): "PersistentVolume x"}},
		"a claim":  {Requests: map[string]bool{name: true}},
	} {
		if found := Judge([]Image{image}, known, listed); len(found) != 0 {
			t.Errorf("%s: %+v", label, found)
		}
	}
	image.Handle = of("vm-disk-1")
	if found := Judge([]Image{image}, Known{}, listed); len(found) != 0 {
		t.Errorf("an image of somebody else: %+v", found)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	known := Known{Handles: map[string]string{
		of(name).String(): "PersistentVolume there", of("pvc-gone").String(): "PersistentVolume gone",
		"seamount/other/fast/pvc-x": "PersistentVolume elsewhere", "nonsense": "PersistentVolume odd",
	}}
	found := Judge([]Image{{Handle: of(name)}}, known, listed)
	if len(found) != 1 || found[0].Reason != Missing || found[0].Object != "PersistentVolume gone" || found[0].Remove {
		t.Errorf("got %+v: a cluster that was not listed is not judged", found)
	}
	if !slices.IsSortedFunc(found, func(a, b Finding) int { return strings.Compare(a.Key(), b.Key()) }) {
		t.Error("not sorted")
	}
}
