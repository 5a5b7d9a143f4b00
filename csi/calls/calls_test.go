package calls

import (
	"context"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestObserver(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	logger := funcr.New(func(prefix, args string) { log.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 1})
	registry := prometheus.NewRegistry()
	o, err := New(logger, registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(logger, registry); err != nil {
		t.Errorf("a second driver: %v", err)
	}
	intercept := o.Intercept("rbd")
	info := &grpc.UnaryServerInfo{FullMethod: "/csi.v1.Controller/CreateVolume"}
	request := &csi.CreateVolumeRequest{Name: "pvc-1", Secrets: map[string]string{"key": "AQsecret"}}
	for _, want := range []error{nil, status.Error(codes.ResourceExhausted, "pool fast is full")} {
		_, err := intercept(t.Context(), request, info, func(context.Context, any) (any, error) { return nil, want })
		if status.Code(err) != status.Code(want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if n := testutil.CollectAndCount(o.seconds); n != 2 {
		t.Errorf("%d series, want one for each code", n)
	}
	for _, want := range []string{"pvc-1", "pool fast is full", "ResourceExhausted"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "AQsecret") {
		t.Errorf("the log has a secret:\n%s", &log)
	}
}
