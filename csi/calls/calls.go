// Package calls counts and logs the calls of a gRPC server: which, how long, and how they ended. It never shows what a call
// carries, since that may be a secret.
package calls

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Observer watches the calls of a driver.
type Observer struct {
	log     logr.Logger
	seconds *prometheus.HistogramVec
}

// New makes an Observer whose figures are in the registry.
func New(log logr.Logger, registry prometheus.Registerer) (*Observer, error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "seamount_csi_call_seconds", Help: "How long calls of CSI took, by method and gRPC code.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"driver", "method", "code"})
	err := registry.Register(seconds)
	var known prometheus.AlreadyRegisteredError
	if errors.As(err, &known) {
		same, is := known.ExistingCollector.(*prometheus.HistogramVec)
		if is {
			return &Observer{log, same}, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return &Observer{log, seconds}, nil
}

// Intercept observes the calls of a driver.
func (o *Observer) Intercept(driver string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		began := time.Now()
		response, err := handle(ctx, request)
		took, method, code := time.Since(began), path.Base(info.FullMethod), status.Code(err)
		o.seconds.WithLabelValues(driver, method, code.String()).Observe(took.Seconds())
		subject := subjectOf(request)
		if err != nil && code != codes.Canceled {
			o.log.Info("call failed", "driver", driver, "method", method, "subject", subject, "code", code.String(), "message", status.Convert(err).Message(), "took", took.String())
		} else {
			o.log.V(1).Info("call", "driver", driver, "method", method, "subject", subject, "code", code.String(), "took", took.String())
		}
		return response, err
	}
}

// subjectOf names what a call is about: never more than identifiers and names.
func subjectOf(request any) string {
	switch r := request.(type) {
	case interface{ GetVolumeId() string }:
		return r.GetVolumeId()
	case interface{ GetSnapshotId() string }:
		return r.GetSnapshotId()
	case interface{ GetName() string }:
		return r.GetName()
	}
	return ""
}
