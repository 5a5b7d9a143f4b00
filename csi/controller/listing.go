package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// inspectAtOnce is how many images or subvolumes a listing reads at the same time.
const inspectAtOnce = 16

// page is what one call lists.
type page struct {
	kind volume.Kind
	// keep says whether a record is asked for.
	keep func(volume.Record) bool
	// after is the last entry of the page before.
	after handle.Handle
	// most entries; 0: all.
	most int
}

// newPage reads what a request asks for. A token is the identifier of the last entry of the page before.
func newPage(kind volume.Kind, token string, most int32) (page, error) {
	p := page{kind: kind, most: int(most), keep: func(volume.Record) bool { return true }}
	if most < 0 {
		return p, refuse(codes.InvalidArgument, "%d entries are asked for", most)
	}
	if token == "" {
		return p, nil
	}
	after, err := handle.Parse(token)
	if err != nil {
		return p, refuse(codes.Aborted, "the token is none that this driver gave: list from the beginning")
	}
	p.after = after
	return p, nil
}

// list reads a page, and the token of the next if there is more.
func (s *Server) list(ctx context.Context, p page) ([]subject, string, error) {
	var found []subject
	for _, cluster := range s.sessions.Clusters() {
		in, err := s.sessions.Session(ctx, cluster)
		if err != nil {
			return nil, "", err
		}
		places, err := s.backend.list(ctx, in)
		if err != nil {
			return nil, "", err
		}
		for _, place := range places {
			if found, err = s.read(ctx, in, p, place, found); err != nil {
				return nil, "", err
			}
			if p.most > 0 && len(found) > p.most {
				return found[:p.most], found[p.most-1].handle.String(), nil
			}
		}
	}
	return found, "", nil
}

// read adds the entries of a place, until there is one more than fits the page.
func (s *Server) read(ctx context.Context, in session.Session, p page, place handle.Handle, found []subject) ([]subject, error) {
	names, err := s.backend.names(ctx, in, place)
	if err != nil {
		return nil, err
	}
	var candidates []handle.Handle
	for _, name := range names {
		if h := place.With(name); p.mayBe(name) && compareHandles(h, p.after) > 0 {
			candidates = append(candidates, h)
		}
	}
	for batch := range slices.Chunk(candidates, inspectAtOnce) {
		more, err := s.inspectAll(ctx, in, p, batch)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if p.most > 0 && len(found) > p.most {
			break
		}
	}
	return found, nil
}

// mayBe says whether an image or a subvolume of this name can be of the kind.
func (p page) mayBe(name string) bool {
	if p.kind == volume.Volume {
		return handle.Named(name) && !strings.HasPrefix(name, "snapshot-")
	}
	return handle.Named(name) && !strings.HasPrefix(name, "pvc-")
}

func compareHandles(a, b handle.Handle) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Pool, b.Pool),
		cmp.Compare(a.Filesystem, b.Filesystem), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name(), b.Name()))
}

// inspectAll reads images or subvolumes at the same time. What is gone by now, or not made yet, is no entry.
func (s *Server) inspectAll(ctx context.Context, in session.Session, p page, batch []handle.Handle) ([]subject, error) {
	all, errs := make([]subject, len(batch)), make([]error, len(batch))
	var running sync.WaitGroup
	for i, h := range batch {
		running.Go(func() { all[i], errs[i] = s.inspect(ctx, in, p.kind, h) })
	}
	running.Wait()
	var found []subject
	for i, one := range all {
		switch {
		case errs[i] == nil && p.keep(one.record):
			found = append(found, one)
		case errs[i] != nil && !absent(errs[i]):
			return nil, errs[i]
		}
	}
	return found, nil
}

// absent says whether a lookup failed because there is no such volume or snapshot.
func absent(err error) bool {
	return errors.Is(err, ceph.ErrNotFound) || codeOf(err) == codes.NotFound
}
