// Package seal makes and checks the seal of a disk: a hash of all that must not have changed between the verdict and
// the first write. For an OSD's disk that is its identity and OSD alone.
//
// A seal is "sha256:", the hash of all facts in hexadecimal, ":", and four digits for each single fact. The hash
// decides; the digits only tell which fact it was that changed.
package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

const (
	prefix = "sha256:"
	// digits of a single fact.
	digits = 4
)

// ChangedError says what is no longer as it was sealed.
type ChangedError struct {
	// Facts that changed, in words.
	Facts []string
}

func (e *ChangedError) Error() string {
	return "the disk is not as it was judged; changed: " + strings.Join(e.Facts, ", ")
}

// Facts are what is sealed. Those of an OSD's disk have Identity and OSDs alone.
type Facts struct {
	Identity v1alpha1.DiskIdentity
	// OSDs are the sorted UUIDs of those on the disk, or of the slices that they have of it.
	OSDs []string
	// Size in bytes, BootID of the kernel, Sequence (diskseq) of the attachment, Counters since then, and the digest of the Samples.
	Size     int64
	BootID   string
	Sequence uint64
	Counters disk.Counters
	Samples  string
}

// Of seals a disk as it was read; empty where it was not read to the end.
func Of(d disk.Disk, id v1alpha1.DiskIdentity) string {
	if slices := slicesOn(d.Content.Table); len(slices) > 0 {
		return Facts{Identity: id, OSDs: slices}.Seal()
	}
	if osds := osdsOn(d.Content.Labels); len(osds) > 0 {
		return Facts{Identity: id, OSDs: osds}.Seal()
	}
	if d.Content.Outcome != disk.OutcomeRead || d.Content.Samples.Digest == "" {
		return ""
	}
	return Facts{
		Identity: id,
		Size:     d.Hardware.Size,
		BootID:   d.BootID,
		Sequence: d.Sequence,
		Counters: d.Counters,
		Samples:  d.Content.Samples.Digest,
	}.Seal()
}

// slicesOn does not depend on the labels in the slices, which come one after the other.
func slicesOn(table *disk.Table) []string {
	if table == nil {
		return nil
	}
	var ids []string
	for _, p := range table.Partitions {
		if p.Type == gpt.SliceType.String() {
			ids = append(ids, p.UUID)
		}
	}
	slices.Sort(ids)
	return ids
}

func osdsOn(labels []disk.Label) []string {
	var osds []string
	for _, label := range labels {
		if label.Valid && label.OSDUUID != "" {
			osds = append(osds, label.OSDUUID)
		}
	}
	slices.Sort(osds)
	return slices.Compact(osds)
}

// fact is one of the sealed, with its name for people.
type fact struct{ name, value string }

func (f Facts) list() []fact {
	return []fact{
		{"identity", string(f.Identity.Source) + " " + f.Identity.Value},
		{"OSD on it", strings.Join(f.OSDs, " ")},
		{"size", fmt.Sprint(f.Size)},
		{"boot of the node", f.BootID},
		{"attachment of the device", fmt.Sprint(f.Sequence)},
		{"counters of writes and discards", fmt.Sprint(f.Counters)},
		{"sampled content", f.Samples},
	}
}

// Seal puts the facts into one line.
func (f Facts) Seal() string {
	all := sha256.New()
	var single strings.Builder
	for _, fact := range f.list() {
		fmt.Fprintf(all, "%s=%q\n", fact.name, fact.value)
		sum := sha256.Sum256([]byte(fact.name + "=" + fact.value))
		single.WriteString(hex.EncodeToString(sum[:])[:digits])
	}
	return prefix + hex.EncodeToString(all.Sum(nil)) + ":" + single.String()
}

// Compare holds facts against a seal. A difference is a ChangedError.
func (f Facts) Compare(sealed string) error {
	if sealed == f.Seal() {
		return nil
	}
	if len(sealed) != len(f.Seal()) || !strings.HasPrefix(sealed, prefix) {
		return fmt.Errorf("%q is no seal", sealed)
	}
	return &ChangedError{Facts: f.differing(sealed)}
}

// differing names the facts whose digits differ. Where only the whole hash does, nothing is known of which it was.
func (f Facts) differing(sealed string) []string {
	then, now := singles(sealed), singles(f.Seal())
	var names []string
	for i, fact := range f.list() {
		if then[i*digits:][:digits] != now[i*digits:][:digits] {
			names = append(names, fact.name)
		}
	}
	if len(names) == 0 {
		names = []string{"an unknown fact"}
	}
	return names
}

func singles(seal string) string { return seal[len(prefix)+2*sha256.Size+1:] }
