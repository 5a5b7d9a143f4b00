package node

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// Teller is told how volumes are.
type Teller interface {
	// Tell says of a volume how it is, and which pods use it.
	Tell(volume string, condition *agentv1.Condition, pods []*agentv1.Pod)
}

// Watch has a Teller told of every volume whose condition changes, until the context ends. An agent that is away is
// tried again: it tells of all that are abnormal once more.
func Watch(ctx context.Context, agent agentv1.VolumesClient, to Teller, log logr.Logger) {
	ticker := time.NewTicker(reconnect.MaxDelay)
	defer ticker.Stop()
	for told := false; ; {
		heard, err := follow(ctx, agent, to)
		if ctx.Err() != nil {
			return
		}
		if heard || !told {
			log.Info("the agent of this node is not heard", "error", err.Error())
		}
		told = true
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// follow listens until the stream ends, and says whether anything was heard.
func follow(ctx context.Context, agent agentv1.VolumesClient, to Teller) (heard bool, err error) {
	stream, err := agent.Watch(ctx, &agentv1.WatchRequest{})
	if err != nil {
		return false, err
	}
	for {
		change, err := stream.Recv()
		if err != nil {
			return heard, errors.Join(errEnded, err)
		}
		heard = true
		to.Tell(change.GetVolumeId(), change.GetCondition(), change.GetPods())
	}
}

var errEnded = errors.New("the agent's reports ended")
