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

const (
	allowPoolDelete     = "mon_allow_pool_delete"
	poolDeleteForbidden = "must first set the " + allowPoolDelete

	// forbidTimeout bounds taking the permission back, for which the caller's
	// context does not count.
	forbidTimeout = 30 * time.Second
	forbidTries   = 3
	// deleteTries bounds how often another client may take the permission back
	// between its being given and the deletion.
	deleteTries = 3
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
	r := deletePool(pool)
	select {
	case a.poolDeletion <- struct{}{}: // one at a time: the permission is one for all
	case <-ctx.Done():
		return r.fail(ceph.ErrTimeout, "another pool is still being deleted: "+ctx.Err().Error())
	}
	given, err := a.deletePool(ctx, r)
	if !given && err != nil {
		<-a.poolDeletion
		return err
	}
	if forbid := a.forbidPoolDeletion(ctx, r); forbid != nil {
		return errors.Join(err, forbid)
	}
	return err
}

// deletePool tells whether the permission may be given now.
func (a *Admin) deletePool(ctx context.Context, r Request) (given bool, err error) {
	for range deleteTries {
		err = a.act(ctx, r)
		if !refused(err, poolDeleteForbidden, ceph.EPERM) {
			return given, err
		}
		given = true // also if the answer to this gets lost
		if err := a.SetConfig(ctx, "mon", allowPoolDelete, "true"); err != nil {
			return given, err
		}
	}
	return given, err
}

// forbidPoolDeletion takes the permission back and then lets the next deletion
// begin. It returns no later than ctx ends.
func (a *Admin) forbidPoolDeletion(ctx context.Context, r Request) error {
	done := make(chan error, 1)
	go func() {
		defer func() { <-a.poolDeletion }()
		done <- a.takePermissionBack(context.WithoutCancel(ctx))
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return r.fail(ceph.ErrTimeout, allowPoolDelete+" is still being taken back: "+ctx.Err().Error())
	}
}

func (a *Admin) takePermissionBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, forbidTimeout)
	defer cancel()
	var err error
	for range forbidTries {
		if err = a.RemoveConfig(ctx, "mon", allowPoolDelete); err == nil {
			return nil
		}
	}
	return fmt.Errorf("pools may still be deleted by whoever may delete one: %w", err)
}
