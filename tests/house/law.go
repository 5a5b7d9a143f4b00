package house

// purePackages decide: what they answer depends on their arguments alone.
var purePackages = []string{
	"./operator/plan/...", "./operator/manifest/...", "./ceph", "./ceph/command/...", "./discover/verdict/...",
	"./cmd/kubectl-seamount/answer/...",
}

// outsideWorld is what a pure package may not touch. net/netip and net/url only parse text.
var outsideWorld = []string{
	"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/...", "github.com/ceph/go-ceph/...",
	"net/...", "os/...", "syscall", "C",
}

// Law is the import law: api ◀ plan ◀ observe, execute ◀ controllers ◀ cmd. A package that does not exist breaks nothing.
var Law = []Rule{
	{
		Name: "api depends on the Kubernetes types only",
		Why:  "clients of the API take nothing else on board",
		From: []string{"./api/v1alpha1"}, Forbid: []string{"..."}, Direct: true,
		Allow: []string{"k8s.io/apimachinery/...", "k8s.io/api/core/..."},
	},
	{
		Name: "api depends on nothing else of ours",
		Why:  "everything else depends on the API",
		From: []string{"./api/..."}, Forbid: []string{"./..."}, Allow: []string{"./api/..."},
	},
	{
		Name: "pure packages do not touch the outside world",
		Why:  "a decision is a function of its arguments",
		From: purePackages, Forbid: outsideWorld, Allow: []string{"net/netip", "net/url"},
	},
	{
		Name: "pure packages make no system calls",
		Why:  "a decision is a function of its arguments",
		From: purePackages, Forbid: []string{"golang.org/x/sys/...", "golang.org/x/net/..."}, Direct: true,
	},
	{
		Name: "ceph knows nothing of Kubernetes",
		Why:  "the Ceph client is usable without a cluster around it",
		From: []string{"./ceph/..."}, Forbid: []string{"k8s.io/...", "sigs.k8s.io/...", "./..."}, Allow: []string{"./ceph/..."},
	},
	{
		Name: "plan knows only what it decides about",
		Why:  "observing and executing depend on the plan, not the other way round",
		From: []string{"./operator/plan/..."}, Forbid: []string{"./..."},
		Allow: []string{"./api/v1alpha1", "./ceph", "./operator/plan/...", "./operator/manifest/..."},
	},
	{
		Name: "manifest builds from the API alone",
		Why:  "a manifest is a function of the intent",
		From: []string{"./operator/manifest/..."}, Forbid: []string{"./..."},
		Allow: []string{"./api/v1alpha1", "./ceph", "./operator/manifest/..."},
	},
	{
		Name: "observe and execute do not know the controllers",
		Why:  "controllers are built from them",
		From: []string{"./operator/observe/...", "./operator/execute/..."}, Forbid: []string{"./operator/..."},
		Allow: []string{"./operator/plan/...", "./operator/manifest/...", "./operator/keys/...", "./operator/observe/...", "./operator/execute/..."},
	},
	{
		Name: "only commands choose the real Ceph client",
		Why:  "everything else takes the interface, so that it runs on the simulator and without cgo",
		From: []string{"./..."}, Except: []string{"./cmd/...", "./tests/...", "./ceph/rados/..."},
		Forbid: []string{"./ceph/rados/..."}, Direct: true, Tests: true,
	},
	{
		Name: "answers know only what they are given",
		Why:  "a terminal and a page ask for the same answers, whoever read the objects",
		From: []string{"./cmd/kubectl-seamount/answer/..."}, Forbid: []string{"./..."},
		Allow: []string{
			"./api/v1alpha1", "./api/conditions", "./csi/handle", "./ceph", "./operator/manifest/...", "./cmd/kubectl-seamount/answer/...",
		},
	},
	{
		Name: "the kubectl plugin talks to Kubernetes alone",
		Why:  "it runs on the user's machine, with the user's rights",
		From: []string{"./cmd/kubectl-seamount/..."}, Forbid: []string{"./..."},
		Allow: []string{
			"./api/...", "./csi/handle", "./ceph", "./operator/manifest/...", "./cmd/kubectl-seamount/...",
		},
	},
	{
		Name: "the programs for nodes and for users are static",
		Why:  "they run where our libraries are not",
		From: []string{"./cmd/seamount-node/...", "./cmd/kubectl-seamount/..."}, Forbid: []string{"./ceph/rados/...", "github.com/ceph/go-ceph/...", "C"},
	},
	{
		Name: "the agent decides nothing about the cluster",
		Why:  "it does on its node what it is asked, whoever asks",
		From: []string{"./agent/..."}, Forbid: []string{"./operator/...", "./csi/..."}, Allow: []string{"./operator/manifest/handover"},
	},
	{
		Name: "the CSI node server does nothing itself",
		Why:  "it is unprivileged: what touches Ceph or a disk is the agent's",
		From: []string{"./csi/node/..."}, Forbid: []string{"./agent/...", "./operator/...", "./discover/..."},
		Allow: []string{"./agent/api/...", "./agent/nodekey"},
	},
	{
		Name: "nothing is built on tests",
		Why:  "what the product needs does not live under tests/",
		From: []string{"./..."}, Except: []string{"./tests/..."}, Forbid: []string{"./tests/..."}, Direct: true, Tests: true,
	},
}
