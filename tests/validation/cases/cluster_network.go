package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	networkMessage    = "network.mode and ipFamily cannot change: a mon is known by its address"
	attachmentMessage = "network: attachment goes with mode: Multus, and Multus needs public.attachment"
	encryptionMessage = "encryption.atRest and keyStore are chosen once: they decide how every disk is prepared"
	vaultMessage      = "keyStore: set vault exactly when provider is Vault"
)

func network(spec string) *unstructured.Unstructured {
	return cluster(`spec: {network: ` + spec + `}`)
}

func encryption(spec string) *unstructured.Unstructured {
	return cluster(`spec: {encryption: ` + spec + `}`)
}

func networkCases() []Case {
	return append(append(networkChangeCases(), attachmentCases()...), encryptionCases()...)
}

func networkChangeCases() []Case {
	return []Case{
		accept("host network with ranges",
			network(`{mode: Host, public: {cidrs: [10.10.0.0/16]}, cluster: {cidrs: [10.20.0.0/16, "fd00::/64"]}}`)),
		{Name: "a range that is none", New: network(`{mode: Host, public: {cidrs: [10.10.0.0]}}`), Want: []crdtest.Violation{
			{Field: "spec.network.public.cidrs[0]", Message: `must be of type cidr: "10.10.0.0"`}, notChecked,
		}},
		acceptChange("the default mode is written down", cluster(), network(`{mode: Pod, ipFamily: IPv4}`)),
		acceptChange("the default mode is left out again", network(`{mode: Pod, ipFamily: IPv4}`), network(`{}`)),
		acceptChange("the cluster network appears", network(`{mode: Host}`),
			network(`{mode: Host, cluster: {cidrs: [10.20.0.0/16]}}`)),
		rejectChange("from pod network to host network", cluster(), network(`{mode: Host}`), "spec.network", networkMessage),
		rejectChange("from host network to pod network", network(`{mode: Host}`), cluster(), "spec.network", networkMessage),
		rejectChange("from IPv4 to IPv6", cluster(), network(`{ipFamily: IPv6}`), "spec.network", networkMessage),
		rejectChange("from DualStack to the default", network(`{ipFamily: DualStack}`), network(`{mode: Pod}`),
			"spec.network", networkMessage),
	}
}

func attachmentCases() []Case {
	return []Case{
		accept("Multus", network(`{mode: Multus, public: {attachment: net/public}}`)),
		accept("Multus for both", network(`{mode: Multus, public: {attachment: net/public}, cluster: {attachment: cluster}}`)),
		reject("Multus without an attachment", network(`{mode: Multus}`), "spec.network", attachmentMessage),
		reject("Multus without the public attachment", network(`{mode: Multus, cluster: {attachment: net/cluster}}`),
			"spec.network", attachmentMessage),
		reject("a public attachment without Multus", network(`{public: {attachment: net/public}}`),
			"spec.network", attachmentMessage),
		reject("a cluster attachment without Multus", network(`{mode: Host, cluster: {attachment: net/cluster}}`),
			"spec.network", attachmentMessage),
	}
}

func encryptionCases() []Case {
	vault := `{provider: Vault, vault: {address: "https://vault:8200", path: seamount, role: osd}}`
	other := `{provider: Vault, vault: {address: "https://vault:8200", path: elsewhere, role: osd}}`
	return []Case{
		accept("everything encrypted", encryption(`{atRest: LUKS2, inTransit: Msgr2Secure, keyStore: `+vault+`}`)),
		accept("keys in Kubernetes", encryption(`{atRest: LUKS2, keyStore: {provider: Kubernetes}}`)),
		reject("Vault without vault", encryption(`{keyStore: {provider: Vault}}`), "spec.encryption.keyStore", vaultMessage),
		reject("vault without Vault", encryption(
			`{keyStore: {vault: {address: "https://vault:8200", path: seamount, role: osd}}}`),
			"spec.encryption.keyStore", vaultMessage),
		{Name: "vault over plain http", New: encryption(
			`{keyStore: {provider: Vault, vault: {address: "http://vault:8200", path: seamount, role: osd}}}`),
			Want: []crdtest.Violation{{
				Field: "spec.encryption.keyStore.vault.address", Message: `should match '^https://[^/\s]+(/\S*)?$'`,
			}}},
		acceptChange("no encryption is written down", cluster(), encryption(`{atRest: None, keyStore: {provider: Kubernetes}}`)),
		acceptChange("an empty keyStore is the default", cluster(), encryption(`{keyStore: {}}`)),
		acceptChange("the wire is encrypted later", cluster(), encryption(`{inTransit: Msgr2Secure}`)),
		rejectChange("disks are encrypted later", cluster(), encryption(`{atRest: LUKS2}`),
			"spec.encryption", encryptionMessage),
		rejectChange("disks are decrypted", encryption(`{atRest: LUKS2}`), cluster(), "spec.encryption", encryptionMessage),
		rejectChange("keys move to Vault", encryption(`{atRest: LUKS2}`), encryption(`{atRest: LUKS2, keyStore: `+vault+`}`),
			"spec.encryption", encryptionMessage),
		rejectChange("keys move within Vault", encryption(`{keyStore: `+vault+`}`), encryption(`{keyStore: `+other+`}`),
			"spec.encryption", encryptionMessage),
		rejectChange("keys leave Vault", encryption(`{keyStore: `+vault+`}`), encryption(`{}`),
			"spec.encryption", encryptionMessage),
	}
}
