package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// errDenied says that the user may not run commands in pods.
var errDenied = errors.New("you may not run commands in pods")

// execute runs a command in a container, as kubectl exec does: over a WebSocket, and over SPDY where something between
// here and the API server knows no WebSockets.
func execute(ctx context.Context, config *rest.Config, e Exec) error {
	executor, err := newExecutor(config, e)
	if err != nil {
		return fmt.Errorf("prepare to run a command in pod %s/%s: %w", e.Namespace, e.Pod, err)
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr})
	var ended exec.CodeExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended):
		return exitError(ended.Code)
	case strings.Contains(err.Error(), " is forbidden"): // what refuses an upgrade leaves nothing but its words
		return fmt.Errorf("run a command in pod %s/%s: %w: %w", e.Namespace, e.Pod, errDenied, err)
	}
	return fmt.Errorf("run a command in pod %s/%s: %w", e.Namespace, e.Pod, err)
}

func newExecutor(config *rest.Config, e Exec) (remotecommand.Executor, error) {
	pods := rest.CopyConfig(config)
	pods.APIPath, pods.GroupVersion = "/api", &corev1.SchemeGroupVersion
	pods.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientFor(pods)
	if err != nil {
		return nil, err
	}
	url := c.Post().Resource("pods").Namespace(e.Namespace).Name(e.Pod).SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Container: e.Container, Command: e.Command, Stdin: e.Stdin != nil, Stdout: e.Stdout != nil, Stderr: e.Stderr != nil,
	}, scheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, url)
	if err != nil {
		return nil, err
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, url.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}
