package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func deletePool(pool string) Request {
	return Request{
		Op: "osd pool rm", Target: Mon(), Subject: pool,
		Args: Args{"pool": pool, "pool2": pool, "yes_i_really_really_mean_it": true},
	}
}

// permission is an option of the mons that allows for all pools what is meant for one.
type permission struct {
	option string
	// missing is how a mon says that it is not given.
	missing string
	// allows says what whoever may change pools can do while it is given.
	allows string
}

func poolDeletion() permission {
	const option = "mon_allow_pool_delete"
	return permission{option, "must first set the " + option, "pools may still be deleted by whoever may delete one"}
}

func singleCopy() permission {
	return permission{"mon_allow_pool_size_one", "size as 1 is disabled by default", "pools may still be given a single copy"}
}

const (
	// forbidTimeout bounds taking a permission back, for which the caller's context does not count.
	forbidTimeout = 30 * time.Second
	forbidTries   = 3
	// permitTries bounds how often another client may take a permission back between its being given and the command.
	permitTries = 3
)

// DeletePool deletes a pool and all that is in it. One that does not exist is no
// error, one that a filesystem uses ErrBusy, one with the flag nodelete ErrRefused.
//
// Ceph knows no permission to delete a single pool: mon_allow_pool_delete is for
// all pools and is kept by the mons. It is given only when a mon asked for it,
// and taken back when the deletion is over, whatever came of it. If the context
// ends before that is done, it goes on in the background. Only a process that is
// killed in between leaves the permission on; the next DeletePool of any pool, or
// RemoveConfig, takes it back.
func (a *Admin) DeletePool(ctx context.Context, pool string) error {
	return a.permitted(ctx, deletePool(pool), poolDeletion())
}

// KeepSingleCopy sets the size of a pool to one. The mons' permission for that is given and taken back as that of
// DeletePool is, and left on by a killed process until the next call.
func (a *Admin) KeepSingleCopy(ctx context.Context, pool string) error {
	return a.permitted(ctx, setPoolOption(pool, "size", "1"), singleCopy())
}

// permitted sends a command, with the permission that it needs for as long as it takes.
func (a *Admin) permitted(ctx context.Context, r Request, p permission) error {
	select {
	case a.permitting <- struct{}{}: // one at a time: a permission is one for all
	case <-ctx.Done():
		return r.fail(ceph.ErrTimeout, "another pool is still being changed: "+ctx.Err().Error())
	}
	given, err := a.insist(ctx, r, p)
	if !given && err != nil {
		<-a.permitting
		return err
	}
	if forbid := a.forbid(ctx, r, p); forbid != nil {
		return errors.Join(err, forbid)
	}
	return err
}

// insist tells whether the permission may be given now.
func (a *Admin) insist(ctx context.Context, r Request, p permission) (given bool, err error) {
	for range permitTries {
		err = a.act(ctx, r)
		if !refused(err, p.missing, ceph.EPERM) {
			return given, err
		}
		given = true // also if the answer to this gets lost
		if err := a.SetConfig(ctx, "mon", p.option, "true"); err != nil {
			return given, err
		}
	}
	return given, err
}

// forbid takes the permission back and then lets the next command begin. It returns no later than ctx ends.
func (a *Admin) forbid(ctx context.Context, r Request, p permission) error {
	done := make(chan error, 1)
	go func() {
		defer func() { <-a.permitting }()
		done <- a.takeBack(context.WithoutCancel(ctx), p)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return r.fail(ceph.ErrTimeout, p.option+" is still being taken back: "+ctx.Err().Error())
	}
}

func (a *Admin) takeBack(ctx context.Context, p permission) error {
	ctx, cancel := context.WithTimeout(ctx, forbidTimeout)
	defer cancel()
	var err error
	for range forbidTries {
		if err = a.RemoveConfig(ctx, "mon", p.option); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", p.allows, err)
}
