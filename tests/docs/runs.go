package docs

import "time"

// endlessFor is long enough for a line that prints for ever to have printed something.
const endlessFor = 3 * time.Second

// Reasons that several lines have.
const (
	runsTests  = "is what runs tests, this one among them"
	measures   = "measures for minutes, and its figures are in the page"
	writes     = "writes into the checkout"
	compiles   = "compiles for long, and what it makes is made by make up"
	isAPod     = "is what a pod of Seamount runs, and each does in every trial"
	noRegistry = "needs a registry and a container runtime with its own command"
	noChange   = "the trial has installed it: the API server only checks what would be made"
	inTheClone = "the tests run in a clone"
	anotherDir = "the trial has a directory of its own, and its kubeconfig there"
	notLinux   = "reads the node's kernel, which is no concern of ours"
	cephItself = "names what an administrator of Ceph must not or need not run"
	asks       = "asks, and a test has no terminal"
	notWhole   = "is a part of a command, and the whole one is run elsewhere"
)

// runs say how tests run what does more than read the cluster. A line has the entry of the most words that it begins with;
// an entry of one word fits that word alone.
var runs = []Run{
	// Building and testing.
	{Line: "make", Why: "prints the targets as make help does"},
	{Line: "make help", As: "make --directory \"$CHECKOUT\" help", Why: "prints the targets"},
	{Line: "make up", By: "TestTrial", Why: "is what the trial begins with"},
	{Line: "make down", By: "TestTrial", Why: "is what the trial ends with"},
	{Line: "make local-up", By: "TestDownLeavesNothing", Why: "is seamount-local up"},
	{Line: "make local-down", By: "TestDownLeavesNothing", Why: "is seamount-local down"},
	{Line: "make deps", Why: "installs packages of Debian; make up and make test begin with it"},
	{Line: "make check", Why: runsTests},
	{Line: "make test", Why: runsTests},
	{Line: "make test-long", Why: runsTests},
	{Line: "make house", Why: runsTests},
	{Line: "make unit", Why: runsTests},
	{Line: "make fuzz", Why: runsTests},
	{Line: "make report", Why: runsTests},
	{Line: "make verify", Why: runsTests},
	{Line: "make bench", Why: measures},
	{Line: "make generate", Why: writes},
	{Line: "make images", Why: compiles},
	{Line: "make CEPH_TAG=...", Why: compiles},
	{Line: "go test", Why: runsTests},
	{Line: "go list -deps", Why: notWhole},
	{Line: "go list -C", As: "cd \"$CHECKOUT\" && {}", Why: "lists the tools"},
	{Line: "go env GOCACHE", As: "go env | grep GOCACHE=", Why: "only prints"},
	{Line: "go env GOMODCACHE", As: "go env | grep GOMODCACHE=", Why: "only prints"},
	{Line: "git clone", Why: inTheClone},
	{Line: "cd seamount", Why: inTheClone},
	{Line: "export KUBECONFIG=/var/lib/seamount-local/pki/admin.kubeconfig", Why: anotherDir},

	// Images.
	{Line: "bin/seamount-images list", As: "{}", Why: "only prints"},
	{Line: "bin/seamount-images inspect", As: "{}", Why: "only prints"},
	{Line: "bin/seamount-images build", By: "TestTrial", Why: "is what make up builds its images with"},
	{Line: "seamount-images lock", Why: "asks Debian's archive for newer packages, and " + writes},
	{Line: "docker load", Why: noRegistry},
	{Line: "docker tag", Why: noRegistry},
	{Line: "docker push", Why: noRegistry},
	{Line: "ctr -n", Why: "would load it into the machine's own containerd; make up loads the same archive into its nodes"},

	// Kubernetes on one machine.
	{Line: "seamount-local up", By: "TestDownLeavesNothing", Why: "is what every local cluster starts with"},
	{Line: "bin/seamount-local up", By: "TestDownLeavesNothing", Why: "is what every local cluster starts with"},
	{Line: "seamount-local preflight", As: "{}", Why: "only prints"},
	{Line: "seamount-local status", As: "{}", Why: "only prints"},
	{Line: "bin/seamount-local status", As: "{}", Why: "only prints"},
	{Line: "seamount-local logs", As: "{} | tail -n 1", Why: "only prints"},

	// Installing.
	{Line: "kubectl create namespace seamount", As: "kubectl create namespace seamount-page --dry-run=server", Why: noChange},
	{Line: "kubectl label namespace seamount pod-security.kubernetes.io/enforce=privileged", As: "{}", Why: "the trial's namespace has the label"},
	{
		Line: "helm install seamount deploy/helm/seamount",
		As:   "helm template seamount deploy/helm/seamount {rest} | kubectl apply --server-side --force-conflicts --dry-run=server -f -", Why: noChange,
	},
	{Line: "helm install --take-ownership", By: "TestTrial", Why: "is how make up installs the chart"},
	{Line: "helm upgrade seamount deploy/helm/seamount", As: "{} --dry-run=server", Why: noChange},
	{Line: "helm template seamount", As: "touch values.yaml && {}", Why: "the page means a file of the reader's"},
	{Line: "helm uninstall seamount", By: "TestTrial", Why: "is refused while there is storage, and done without"},
	{Line: "helm uninstall --no-hooks", Why: "leaves a cluster that nobody looks after, as its page warns"},
	{Line: "kubectl -n seamount logs job/seamount-uninstall-check", By: "TestTrial", Why: "the Job is there when an uninstall was refused"},
	{Line: "kubectl apply --server-side", As: "{} --force-conflicts --dry-run=server", Why: noChange},
	{Line: "kubectl wait --for=condition=Established", As: "{}", Why: "the definitions are there"},
	{
		Line: "kubectl create -f deploy/crds-snapshot", As: "kubectl apply --server-side --force-conflicts --dry-run=server -f deploy/crds-snapshot",
		Why: noChange,
	},
	{Line: "kubectl apply -f deploy/crds", As: "kubectl apply --server-side --force-conflicts --dry-run=server -f deploy/crds {rest}", Why: noChange},
	{Line: "kubectl apply -f FILE", As: "{} --dry-run=server", Why: "the page has the object, which is checked as such"},
	{Line: "kubectl -n seamount create secret docker-registry", As: "{} --dry-run=server", Why: "nothing in the trial wants it"},
	{Line: "kubectl delete validatingadmissionpolicybinding", As: "{} --dry-run=server", Why: "the guard is wanted"},
	{Line: "kubectl cordon n3", Why: "would take a node from the trial; TestNodeGoesForGood of operator/app cordons one"},
	{Line: "kubectl delete node n3", Why: "would take a node from the trial; TestNodeGoesForGood of operator/app deletes one"},

	// The plugin.
	{
		Line: "make bin/kubectl-seamount", As: "make --directory \"$CHECKOUT\" bin/kubectl-seamount && install bin/kubectl-seamount .",
		Why: "the test installs nothing on the machine",
	},
	{Line: "kubectl seamount completion", As: "{}", Why: "the home is a directory of the test"},
	{Line: "chmod +x ~/.local/bin/kubectl_complete-seamount", As: "{}", Why: "the home is a directory of the test"},
	{Line: "kubectl seamount status --watch", As: "{}", Within: endlessFor, Why: "prints for ever"},
	{
		Line: "kubectl seamount approve", As: "{} --dry-run=client || test $? = 1",
		Why: "shows the plan, or says why it is refused; an approval would cost the trial a disk",
	},
	{Line: "kubectl delete storageoperations -n seamount -l seamount.dev/what-if", As: "{}", Why: "removes what a question left behind"},
	{Line: "kubectl seamount hold --release", As: "{} || test $? = 1", Why: "another page has cancelled the operation, which is said"},
	{Line: "kubectl seamount hold", As: "{}", Why: "the operation is the page's own"},
	{Line: "kubectl seamount cancel", As: "{} --yes", Why: asks},
	{Line: "kubectl seamount ceph -- osd tree", As: "{}", Why: "only reads"},
	{Line: "kubectl seamount ceph -- health detail", As: "{}", Why: "only reads"},
	{Line: "kubectl seamount ceph -- df", As: "{}", Why: "only reads"},
	{Line: "kubectl seamount ceph -- config rm", Why: "stands for an option that somebody set by hand, and the trial has none"},
	{Line: "kubectl seamount ceph -- osd getcrushmap", As: "{}", Why: "only reads"},

	// Changes.
	{Line: "kubectl -n seamount patch storagecluster main --type merge -p '{\"spec\":{\"pause\":\"None\"}}'", As: "{}", Why: "it is None already"},
	{Line: "kubectl -n NAMESPACE patch storagecluster CLUSTER --type merge -p '{\"spec\":{\"pause\":\"None\"}}'", As: "{}", Why: "it is None already"},
	{Line: "kubectl patch storagedisk DISK", As: "{} --dry-run=server", Why: "the disk has an OSD"},
	{Line: "kubectl delete pod", Why: notWhole},
	{Line: "kubectl patch disk NAME", As: "{} --dry-run=server", Why: "the disk has an OSD"},

	// Programs of others, and those that pods run.
	{Line: "kubectl top", Why: "needs metrics-server, which the trial has not"},
	{Line: "uname -r;", Why: notLinux},
	{Line: "dmesg |", Why: notLinux},
	{Line: "rbd bench", Why: measures},
	{Line: "rbd object-map rebuild", By: "TestKilled", Why: "needs a volume that has lost its object map"},
	{Line: "ceph health detail", As: "kubectl seamount ceph -- health detail", Why: "the machine has no program of Ceph"},
	{Line: "ceph rbd task add remove", Why: cephItself},
	{Line: "ceph auth", Why: cephItself},
	{Line: "ceph mon set", Why: cephItself},
	{Line: "seamount csi controller", Why: isAPod},
	{Line: "seamount-node agent run", Why: isAPod},
	{Line: "seamount-node discover scan", As: "kubectl -n seamount exec $DISCOVER -- {}", Why: "the machine of the test is no node"},
	{Line: "seamount-node bundle", Why: isAPod},
	{Line: "seamount-block metadata", Why: isAPod},
	{Line: "seamount-block status", Why: "asks a mapping within the pod of its node's agent"},
}

// names are what the words of pages stand for. The test sets DISK, NODE and DISCOVER.
var names = []Name{
	{Word: "NAMESPACE", Is: "seamount"},
	{Word: "CLUSTER", Is: "main"},
	{Word: "POOL", Is: "block"},
	{Word: "NODE", Is: "$NODE"},
	{Word: "n3", Is: "$NODE"},
	{Word: "POD", Is: "$DISCOVER"},
	{Word: "VERSION", Is: "v0.0.0"},
	{Word: "DISK DBDISK", Is: "$DISK"},
	{Word: "DISK", Is: "$DISK"},
	{Word: "FILESYSTEM", Is: "shared"},
	{Word: "disk NAME", Is: "disk $DISK"},
	{Word: "storagefilesystem NAME", Is: "storagefilesystem shared"},
	{Word: "pvc NAME", Is: "pvc media"},
	{Word: "-f FILE", Is: "-f deploy/examples/minimal.yaml"},
	{Page: "docs/install.md", Word: "--docker-username=NAME --docker-password=PASSWORD", Is: "--docker-username=name --docker-password=password"},
	{Page: "README.md", Word: "pod/NAME", Is: "pod/postgres-0 -n demo"},
	{Page: "deploy/local/README.md", Word: "logs NAME", Is: "logs kube-apiserver"},
	{Page: "docs/cli.md", Word: "pod/batch-0 -n shop", Is: "pod/postgres-0 -n demo"},
	{Page: "docs/cli.md", Word: "replace-osd-2-x7k2p", Is: "remove-n3-sdb"},
	{Page: "docs/cli.md", Word: "wwn-5000c50093280000", Is: "$DISK"},
	{Page: "docs/cli.md", Word: "eui-0025385b71b0a1c0", Is: "$DISK"},
	{Page: "docs/runbooks/reasons/clusters.md", Word: "NAME", Is: "remove-n3-sdb"},
	{Page: "docs/runbooks/reasons/operations.md", Word: "NAME", Is: "remove-n3-sdb"},
	{Page: "docs/runbooks/reasons/README.md", Word: "wwn-5000c50093282dee", Is: "$DISK"},
	{Page: "docs/operations.md", Word: "wwn-5000c50093282dee", Is: "$DISK"},
}

// made are the objects that later lines of pages speak of, or that show that they are not only accepted.
var made = []Made{
	{"docs/operations.md", "StorageOperation/remove-n3-sdb", "its page shows and cancels it"},
	{"docs/file-volumes.md", "PersistentVolumeClaim/media", "its page asks why it waits"},
	{"docs/pools.md", "StoragePool/fast", "claims of other pages name its class"},
	{"docs/volumes.md", "PersistentVolumeClaim/data", "the quick start asks why it waits"},
}
