package controller

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/session"
)

// refuse makes an error of CSI.
func refuse(code codes.Code, format string, args ...any) error {
	return status.Errorf(code, format, args...)
}

// answer is what CSI makes of a failure of Ceph, and what a person can do about it.
type answer struct {
	kind   error
	code   codes.Code
	remedy string
}

// answers in the order in which they are looked for: an error may be of several kinds.
var answers = []answer{
	{session.ErrNoUsers, codes.Unavailable, ""},
	{ceph.ErrAuthentication, codes.Unauthenticated, "the key in Secret seamount-csi is not the one that Ceph has: the operator puts it right within a minute when it reaches Ceph; see the conditions of the StorageCluster"},
	{ceph.ErrPermission, codes.PermissionDenied, "the CSI user of the cluster may not do this: only pools of StoragePools are open to it; see the conditions of the StoragePool"},
	{ceph.ErrUnreachable, codes.Unavailable, "no mon of the cluster answers: see the conditions Reachable and MonQuorum of the StorageCluster"},
	{ceph.ErrNoSpace, codes.ResourceExhausted, "the pool is full or its quota is reached: see the condition CapacityOK of the StoragePool"},
	{ceph.ErrTimeout, codes.DeadlineExceeded, "Ceph did not answer in time: see the conditions Ready and DataHealthy of the StorageCluster; the call is repeated"},
	{ceph.ErrBlocklisted, codes.Unavailable, "the session was fenced and is made anew"},
	{ceph.ErrOverloaded, codes.Unavailable, "too many calls wait for Ceph: see the conditions Ready and DataHealthy of the StorageCluster"},
	{ceph.ErrAgain, codes.Unavailable, "the call is repeated"},
	{ceph.ErrClosed, codes.Unavailable, "the session is made anew"},
	{ceph.ErrReadOnly, codes.FailedPrecondition, "a client holds the lock of the image and does not give it back: see where the volume is attached"},
	{ceph.ErrBusy, codes.FailedPrecondition, "something uses the image"},
	{ceph.ErrNotFound, codes.NotFound, ""},
	{ceph.ErrExists, codes.AlreadyExists, ""},
	{ceph.ErrInvalid, codes.InvalidArgument, ""},
	{context.DeadlineExceeded, codes.DeadlineExceeded, "the call is repeated"},
	{context.Canceled, codes.Canceled, ""},
	{ceph.ErrUnsupported, codes.Unimplemented, "this release of Ceph cannot do that"},
}

// told makes of any error one of CSI, with Ceph's own words and what to do.
func told(err error) error {
	if err == nil {
		return nil
	}
	if _, is := status.FromError(err); is {
		return err
	}
	for _, a := range answers {
		if errors.Is(err, a.kind) {
			return status.Error(a.code, withRemedy(err.Error(), a.remedy))
		}
	}
	return status.Error(codes.Internal, err.Error())
}

func withRemedy(text, remedy string) string {
	if remedy == "" {
		return text
	}
	return text + ": " + remedy
}

// unless drops an error of a kind.
func unless(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// codeOf is the code of an error that is one of CSI already, and Unknown of another.
func codeOf(err error) codes.Code { return status.Code(err) }
