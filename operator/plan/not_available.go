package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Unavailable is a field, a value or a whole kind that is in the API and not in this release.
type Unavailable struct {
	// Path of the field, such as spec.mon.volume; empty for a whole kind.
	Path string
	// Message says what is not available and what to write instead.
	Message string
}

// NotAvailable lists what an object uses that this release does not have, in the order of the fields. While there is
// any, nothing is done for the object: its condition Ready is False with reason NotAvailable, and NotAvailableMessage
// as its message. A field that is accepted and ignored would be a lie.
func NotAvailable(obj runtime.Object) []Unavailable {
	switch obj := obj.(type) {
	case *v1alpha1.StorageCluster:
		return clusterNotAvailable(&obj.Spec)
	case *v1alpha1.ObjectStore:
		return []Unavailable{wholeKind(v1alpha1.KindObjectStore)}
	case *v1alpha1.ObjectUser:
		return []Unavailable{wholeKind(v1alpha1.KindObjectUser)}
	}
	return nil
}

// NotAvailableMessage returns the message of the condition; empty when everything is available.
func NotAvailableMessage(unavailable []Unavailable) string {
	messages := make([]string, 0, len(unavailable))
	for _, u := range unavailable {
		messages = append(messages, u.Message)
	}
	return strings.Join(messages, "; ")
}

func clusterNotAvailable(spec *v1alpha1.StorageClusterSpec) []Unavailable {
	network, encryption := deref(spec.Network), deref(spec.Encryption)
	var found []Unavailable
	field := func(used bool, path, remedy string) {
		if used {
			found = append(found, Unavailable{path, fmt.Sprintf("%s is not available in this release: %s", path, remedy)})
		}
	}
	value := func(used bool, path string, value any, remedy string) {
		if used {
			found = append(found, Unavailable{path,
				fmt.Sprintf("%s: %v is not available in this release: %s", path, value, remedy)})
		}
	}
	field(deref(spec.Mon).Volume != nil, "spec.mon.volume", "take it out, and mons keep their store on the host")
	field(spec.Upgrade != nil, "spec.upgrade", "take it out")
	value(network.Mode == v1alpha1.NetworkMultus, "spec.network.mode", network.Mode, "write Pod or Host")
	field(deref(network.Public).Attachment != "", "spec.network.public.attachment", "take it out")
	field(deref(network.Cluster).Attachment != "", "spec.network.cluster.attachment", "take it out")
	value(encryption.AtRest == v1alpha1.AtRestLUKS2, "spec.encryption.atRest", encryption.AtRest,
		"write None, or wait with this cluster if its disks must be encrypted, for that cannot be done later")
	value(encryption.InTransit == v1alpha1.InTransitMsgr2Secure, "spec.encryption.inTransit", encryption.InTransit,
		"write None")
	field(encryption.KeyStore != nil, "spec.encryption.keyStore", "take it out")
	return found
}

func wholeKind(kind string) Unavailable {
	return Unavailable{Message: fmt.Sprintf("%s is not available in this release: delete this object", kind)}
}
