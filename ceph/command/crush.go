package command

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.CRUSH = (*Admin)(nil)

func addBucket(name, bucketType string) Request {
	return Request{
		Op: "osd crush add-bucket", Target: Mon(), Subject: name,
		Args: Args{"name": name, "type": bucketType},
	}
}

func moveBucket(name string, loc ceph.Location) Request {
	return Request{
		Op: "osd crush move", Target: Mon(), Subject: name,
		Args: Args{"name": name, "args": levels(loc)},
	}
}

func removeBucket(name string) Request {
	return Request{Op: "osd crush rm", Target: Mon(), Subject: name, Args: Args{"name": name}}
}

// placeOSD uses "osd crush add", which also moves and reweighs an OSD that is there:
// "osd crush set" refuses one that is not (ENOENT).
func placeOSD(id int, weight float64, loc ceph.Location) Request {
	return Request{
		Op: "osd crush add", Target: Mon(), Subject: osdName(id),
		Args: Args{"id": id, "weight": weight, "args": levels(loc)},
	}
}

func setDeviceClass(class string, ids []int) Request {
	r := onOSDs("osd crush set-device-class", ids)
	r.Args["class"] = class
	return r
}

func removeDeviceClass(ids []int) Request { return onOSDs("osd crush rm-device-class", ids) }

// levels writes a location as root=default, rack=r2, host=n3.
func levels(loc ceph.Location) []string {
	out := make([]string, len(loc))
	for i, l := range loc {
		out[i] = l.Type + "=" + l.Name
	}
	return out
}

// deviceName matches what CRUSH calls an OSD. Ceph takes such a name for a bucket
// as well, and "crush rm" removes whichever has it.
var deviceName = regexp.MustCompile(`^osd\.[0-9]+$`)

func (r Request) checkBucketName(name string) error {
	if name == "" || deviceName.MatchString(name) {
		return r.invalid(fmt.Sprintf("%q is no name of a bucket", name))
	}
	return nil
}

// AddBucket makes a bucket such as rack r2, outside of every root. A bucket of
// that name and type is no error; of another type ErrExists.
func (a *Admin) AddBucket(ctx context.Context, name, bucketType string) error {
	r := addBucket(name, bucketType)
	if err := r.checkBucketName(name); err != nil {
		return err
	}
	said, err := a.do(ctx, r)
	if err != nil || !strings.Contains(said, "already exists") {
		return err
	}
	m, err := a.CRUSHMap(ctx)
	if err != nil {
		return err
	}
	b, ok := bucketNamed(m, name)
	if ok && b.Type != bucketType {
		return r.fail(ceph.ErrExists, fmt.Sprintf("bucket '%s' already exists as a %s", name, b.Type))
	}
	return nil
}

func bucketNamed(m ceph.CRUSHMap, name string) (ceph.Bucket, bool) {
	i := slices.IndexFunc(m.Buckets, func(b ceph.Bucket) bool { return b.Name == name })
	if i < 0 {
		return ceph.Bucket{}, false
	}
	return m.Buckets[i], true
}

// MoveBucket moves a bucket under the location, making missing buckets. One that
// does not exist is ErrNotFound; a location below the bucket itself ErrInvalid.
func (a *Admin) MoveBucket(ctx context.Context, name string, loc ceph.Location) error {
	r := moveBucket(name, loc)
	if err := r.checkBucketName(name); err != nil {
		return err
	}
	return a.act(ctx, r)
}

// RemoveBucket removes an empty bucket. One that holds something is ErrBusy; one
// that does not exist is no error.
func (a *Admin) RemoveBucket(ctx context.Context, name string) error {
	r := removeBucket(name)
	if err := r.checkBucketName(name); err != nil {
		return err
	}
	return a.act(ctx, r)
}

// PlaceOSD puts an OSD at the location with the weight, making missing buckets.
// A bucket of the location that lies elsewhere is ErrExists: Ceph would put the
// OSD there and say nothing. An OSD that does not exist is ErrNotFound.
func (a *Admin) PlaceOSD(ctx context.Context, id int, weight float64, loc ceph.Location) error {
	r := placeOSD(id, weight, loc)
	if err := r.checkIDs([]int{id}); err != nil {
		return err
	}
	if weight < 0 || math.IsNaN(weight) || math.IsInf(weight, 0) {
		return r.invalid(fmt.Sprintf("%v is no weight", weight))
	}
	if len(loc) == 0 {
		return r.invalid("no location is given")
	}
	m, err := a.CRUSHMap(ctx)
	if err != nil {
		return err
	}
	if elsewhere := misplaced(m, loc); elsewhere != "" {
		return r.fail(ceph.ErrExists, elsewhere)
	}
	return a.act(ctx, r)
}

// misplaced finds a bucket of the location that exists, but not where the
// location has it.
func misplaced(m ceph.CRUSHMap, loc ceph.Location) string {
	for i, level := range loc {
		b, ok := bucketNamed(m, level.Name)
		switch {
		case !ok:
			continue
		case b.Type != level.Type:
			return fmt.Sprintf("bucket '%s' already exists as a %s", b.Name, b.Type)
		}
		if i > 0 && !liesWithin(m, b.ID, loc[i-1].Name) {
			return fmt.Sprintf("%s '%s' exists, but not in '%s': move it first", b.Type, b.Name, loc[i-1].Name)
		}
	}
	return ""
}

// liesWithin climbs from an item to the root. A location may leave levels out.
func liesWithin(m ceph.CRUSHMap, id int, name string) bool {
	for range m.Buckets { // no more levels than buckets, whatever the answer said
		i := slices.IndexFunc(m.Buckets, func(b ceph.Bucket) bool {
			return slices.ContainsFunc(b.Items, func(item ceph.CRUSHItem) bool { return item.ID == id })
		})
		if i < 0 {
			return false
		}
		if m.Buckets[i].Name == name {
			return true
		}
		id = m.Buckets[i].ID
	}
	return false
}

// SetDeviceClass gives OSDs a class. From those that have another it is taken
// away first: in between CRUSH places nothing on them by class. An OSD that does
// not exist is ErrNotFound.
func (a *Admin) SetDeviceClass(ctx context.Context, class string, ids ...int) error {
	r := setDeviceClass(class, ids)
	if err := r.checkIDs(ids); err != nil {
		return err
	}
	err := a.mustExist(ctx, r)
	if !refused(err, "already bound to class", ceph.EBUSY) {
		return err
	}
	m, err := a.CRUSHMap(ctx)
	if err != nil {
		return err
	}
	if err := a.act(ctx, removeDeviceClass(ofOtherClass(m, class, ids))); err != nil {
		return err
	}
	return a.mustExist(ctx, r)
}

func ofOtherClass(m ceph.CRUSHMap, class string, ids []int) []int {
	var out []int
	for _, d := range m.Devices {
		if d.Class != "" && d.Class != class && slices.Contains(ids, d.ID) {
			out = append(out, d.ID)
		}
	}
	return out
}
