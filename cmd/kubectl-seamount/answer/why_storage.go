package answer

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// pool links a pool, and its cluster.
func (w *walker) pool(depth int, p *v1alpha1.StoragePool) {
	w.inCluster(depth, objectOfPool(p), p.Status.Conditions, p.Spec.ClusterRef.Name, w.advise)
}

// filesystem links a filesystem, those of its metadata servers that do not run, and its cluster.
func (w *walker) filesystem(depth int, f *v1alpha1.StorageFilesystem) {
	w.inCluster(depth, objectOfFilesystem(f), f.Status.Conditions, f.Spec.ClusterRef.Name, func(found Finding) {
		known := len(w.why.Links)
		if found.Condition == v1alpha1.ConditionMDSHealthy {
			w.servers(depth+2, f)
		}
		if len(w.why.Links) == known { // what is further down knows better what to do
			w.advise(found)
		}
	})
}

// inCluster links an object of a cluster, each condition that is not well with what is below it, and the cluster.
func (w *walker) inCluster(depth int, o Object, have []metav1.Condition, cluster string, below func(Finding)) {
	if !w.first(depth, o) {
		return
	}
	for _, f := range w.object(depth, o, have) {
		w.condition(depth+1, f)
		below(f)
	}
	if c := w.s.cluster(o.Namespace, cluster); c != nil {
		w.cluster(depth+1, c)
		return
	}
	w.missing(depth+1, Object{v1alpha1.KindStorageCluster, o.Namespace, cluster}, "create the StorageCluster "+cluster)
}

// servers links the metadata servers of a filesystem whose pods are not well, or that there are none.
func (w *walker) servers(depth int, f *v1alpha1.StorageFilesystem) {
	pods, c := w.s.servers(f), w.s.cluster(f.Namespace, f.Spec.ClusterRef.Name)
	if c == nil || w.s.unread(ResourceDaemons) {
		return
	}
	if len(pods) == 0 {
		w.link(depth, Object{"Daemon", f.Namespace, serverPrefix + v1alpha1.MDSPrefix(f.Name)}, Waiting, reasonNotRunning, "no pod of a metadata server exists")
	}
	for _, p := range pods {
		if well, _, _ := podState(p); !well {
			w.daemon(depth, c, p.Labels[manifest.LabelDaemon], p.Spec.NodeName)
		}
	}
}

// cluster links a cluster, each condition that is not well, and below that what it waits for.
func (w *walker) cluster(depth int, c *v1alpha1.StorageCluster) {
	o := objectOfCluster(c)
	if !w.first(depth, o) {
		return
	}
	open := w.object(depth, o, c.Status.Conditions)
	if len(c.Status.Conditions) == 0 {
		w.operator(depth + 1)
	}
	for _, f := range open {
		w.condition(depth+1, f)
		known := len(w.why.Links)
		w.causes(depth+2, c, f)
		if len(w.why.Links) == known { // what is further down knows better what to do
			w.advise(f)
		}
	}
	w.paused(depth+1, c)
	w.waitingOperations(depth+1, c)
}

// causes links the daemons, disks and operations behind a condition of a cluster.
func (w *walker) causes(depth int, c *v1alpha1.StorageCluster, f Finding) {
	switch f.Condition {
	case v1alpha1.ConditionMonQuorum, v1alpha1.ConditionReachable:
		w.mons(depth, c)
	case v1alpha1.ConditionDataHealthy:
		w.troubledDisks(depth, c)
	case v1alpha1.ConditionDisksSettled:
		w.troubledDisks(depth, c)
		if f.Reason == v1alpha1.ReasonAwaitingApproval {
			w.waitingOperations(depth, c)
		}
	}
}

func (w *walker) mons(depth int, c *v1alpha1.StorageCluster) {
	for _, m := range c.Status.Mons {
		if m.State != v1alpha1.MonOut {
			continue
		}
		w.daemon(depth, c, manifest.MonDaemon(m.Name), m.Node)
	}
}

// daemon links a daemon's pod where it is not well, and its node.
func (w *walker) daemon(depth int, c *v1alpha1.StorageCluster, daemon, node string) {
	o := Object{"Daemon", c.Namespace, daemon}
	if !w.first(depth, o) {
		return
	}
	w.link(depth, o, Waiting, reasonNotRunning, joinWords(": ", onNode(node), daemonTrouble(w.s, c, daemon, node)))
	if n := w.s.node(node); n != nil && !nodeReady(n) {
		w.node(depth+1, n)
		return
	}
	if pod := w.s.daemon(c.Namespace, c.Name, daemon); pod != nil {
		if well, _, _ := podState(pod); !well {
			w.todo(fmt.Sprintf("kubectl -n %s describe pod %s", pod.Namespace, pod.Name))
		}
	}
}

// troubledDisks links the disks in service that are not as they should be.
func (w *walker) troubledDisks(depth int, c *v1alpha1.StorageCluster) {
	for _, d := range w.s.disksOf(c) {
		service := isFalse(d.Status.Conditions, v1alpha1.ConditionInService) && len(d.Status.OSDs) > 0
		if service || find(d.Status.Conditions, failing) != nil {
			w.disk(depth, d)
		}
	}
}

// waitingOperations links the operations of a cluster that wait for a person.
func (w *walker) waitingOperations(depth int, c *v1alpha1.StorageCluster) {
	for _, o := range w.s.operationsOf(c) {
		if operationTask(o) != nil && !Finished(o.Status.State) {
			w.operation(depth, o)
		}
	}
}

// paused links the person who paused a cluster.
func (w *walker) paused(depth int, c *v1alpha1.StorageCluster) {
	paused := deref(meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionPaused))
	if paused.Status != metav1.ConditionTrue || !w.first(depth, Object{kindPerson, c.Namespace, c.Name}) {
		return
	}
	w.condition(depth, Finding{objectOfCluster(c), paused.Type, string(paused.Status), paused.Reason, paused.Message})
	do, _ := remedy(objectOfCluster(c), paused.Reason)
	w.todo(do)
}

// operator links the operator where it does not run: nothing else would say so.
func (w *walker) operator(depth int) {
	if w.s.unread(ResourceDaemons) {
		return
	}
	pods := w.s.component("operator", "")
	if len(pods) == 0 {
		w.link(depth, Object{"Deployment", "", "seamount-operator"}, Waiting, reasonNotFound, "no pod of the operator exists")
		w.todo("install the operator, or scale it up: kubectl get deployments -A -l app.kubernetes.io/component=operator")
		return
	}
	w.unready(depth, pods)
}
