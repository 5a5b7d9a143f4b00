package answer

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Status answers: is my storage well, and what is there for me to do.
type Status struct {
	Clusters []ClusterStatus `json:"clusters"`
}

// ClusterStatus is one screen about a StorageCluster.
type ClusterStatus struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Healthy says that data can be read and written, is whole, and stays so if a host is lost.
	Healthy bool `json:"healthy"`
	// Health says in words how the cluster is, and CephHealth in Ceph's: OK, WARN, ERR or UNKNOWN.
	Health     string `json:"health"`
	CephHealth string `json:"cephHealth,omitempty"`
	Version    string `json:"version,omitempty"`
	FSID       string `json:"fsid,omitempty"`
	Pause      string `json:"pause,omitempty"`
	// OSDsUp are those that are up, of all, such as 5/6.
	OSDsUp string `json:"osdsUp,omitempty"`

	Capacity Capacity `json:"capacity"`
	Classes  []Class  `json:"classes,omitempty"`
	Mons     []Mon    `json:"mons,omitempty"`
	Hosts    []Host   `json:"hosts,omitempty"`
	Pools    []Pool   `json:"pools,omitempty"`

	// Activity says what goes on: recovery, an upgrade, operations that run.
	Activity []string  `json:"activity,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	NeedsYou []Task    `json:"needsYou"`
}

// Capacity of a cluster, in bytes of raw space. Copies count.
type Capacity struct {
	RawBytes    int64  `json:"rawBytes,omitempty"`
	UsedBytes   int64  `json:"usedBytes,omitempty"`
	UsedPercent *int32 `json:"usedPercent,omitempty"`
	// DaysToFull at the present rate; absent: there is too little history to say.
	DaysToFull *int32 `json:"daysToFull,omitempty"`
}

// Class of disks, with its OSDs.
type Class struct {
	Name           string `json:"name"`
	OSDs           int32  `json:"osds"`
	Up             int32  `json:"up"`
	RawBytes       int64  `json:"rawBytes,omitempty"`
	UsedPercent    *int32 `json:"usedPercent,omitempty"`
	FullestPercent *int32 `json:"fullestPercent,omitempty"`
}

// Pool is a StoragePool or a StorageFilesystem, before replication.
type Pool struct {
	Kind           string `json:"kind"`
	Name           string `json:"name"`
	Ready          string `json:"ready"`
	Reason         string `json:"reason,omitempty"`
	Message        string `json:"message,omitempty"`
	Layout         string `json:"layout,omitempty"`
	UsedBytes      int64  `json:"usedBytes"`
	AvailableBytes int64  `json:"availableBytes"`
	// UsedPercent of both together; absent: the capacity is not known.
	UsedPercent    *int32   `json:"usedPercent,omitempty"`
	Volumes        *int32   `json:"volumes,omitempty"`
	StorageClasses []string `json:"storageClasses,omitempty"`
}

// MakeStatus answers for every cluster of the snapshot.
func MakeStatus(s *Snapshot) Status {
	answer := Status{Clusters: []ClusterStatus{}}
	for i := range s.Clusters {
		answer.Clusters = append(answer.Clusters, clusterStatus(s, &s.Clusters[i]))
	}
	return answer
}

// Healthy says that every cluster is.
func (s Status) Healthy() bool {
	for _, c := range s.Clusters {
		if !c.Healthy {
			return false
		}
	}
	return true
}

func clusterStatus(s *Snapshot, c *v1alpha1.StorageCluster) ClusterStatus {
	summary := deref(c.Status.Summary)
	answer := ClusterStatus{
		Namespace: c.Namespace, Name: c.Name, CephHealth: summary.Health, Version: summary.Version, FSID: c.Status.FSID,
		Pause: string(c.Spec.Pause), OSDsUp: summary.OSDs, Capacity: capacity(c.Status.Capacity), Classes: classes(c.Status.Classes),
		Mons: mons(s, c), Hosts: hosts(s, c), Pools: pools(s, c), Activity: activity(s, c),
		Findings: findings(objectOfCluster(c), c.Status.Conditions),
	}
	answer.Findings = append(answer.Findings, poolFindings(s, c)...)
	answer.Healthy, answer.Health = health(s, c)
	answer.NeedsYou = tasks(s, c, answer.Findings)
	return answer
}

func capacity(c *v1alpha1.ClusterCapacity) Capacity {
	if c == nil {
		return Capacity{}
	}
	return Capacity{bytesOf(c.Raw), bytesOf(c.Used), c.UsedPercent, c.DaysToFull}
}

func classes(list []v1alpha1.DeviceClassStatus) []Class {
	var all []Class
	for _, c := range list {
		all = append(all, Class{c.DeviceClass, c.OSDs, c.Up, bytesOf(c.Raw), c.UsedPercent, c.FullestPercent})
	}
	return all
}

func pools(s *Snapshot, c *v1alpha1.StorageCluster) []Pool {
	var all []Pool
	for _, p := range poolsOf(s, c) {
		summary, used, ready := deref(p.Status.Summary), deref(p.Status.Capacity), readiness(p.Status.Conditions)
		all = append(all, Pool{
			Kind: v1alpha1.KindStoragePool, Name: p.Name, Ready: string(ready.Status), Reason: ready.Reason, Message: ready.Message,
			Layout: summary.Layout, UsedBytes: bytesOf(used.Used), AvailableBytes: bytesOf(used.Available), UsedPercent: used.UsedPercent,
			Volumes: deref(p.Status.Dependents).Volumes, StorageClasses: splitNames(summary.StorageClasses),
		})
	}
	for _, f := range filesystemsOf(s, c) {
		summary, used, ready := deref(f.Status.Summary), deref(f.Status.Capacity), readiness(f.Status.Conditions)
		all = append(all, Pool{
			Kind: v1alpha1.KindStorageFilesystem, Name: f.Name, Ready: string(ready.Status), Reason: ready.Reason, Message: ready.Message,
			Layout: "MDS " + summary.MDS, UsedBytes: bytesOf(used.Used), AvailableBytes: bytesOf(used.Available), UsedPercent: used.UsedPercent,
			Volumes: deref(f.Status.Dependents).Subvolumes, StorageClasses: splitNames(summary.StorageClasses),
		})
	}
	return all
}

// readiness returns the condition Ready; Unknown: the operator has not written one.
func readiness(have []metav1.Condition) metav1.Condition {
	if ready := meta.FindStatusCondition(have, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNotObserved,
		Message: "the operator has not written a status yet",
	}
}

func splitNames(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

func poolsOf(s *Snapshot, c *v1alpha1.StorageCluster) []*v1alpha1.StoragePool {
	var all []*v1alpha1.StoragePool
	for i := range s.Pools {
		if p := &s.Pools[i]; p.Namespace == c.Namespace && p.Spec.ClusterRef.Name == c.Name {
			all = append(all, p)
		}
	}
	return all
}

func filesystemsOf(s *Snapshot, c *v1alpha1.StorageCluster) []*v1alpha1.StorageFilesystem {
	var all []*v1alpha1.StorageFilesystem
	for i := range s.Filesystems {
		if f := &s.Filesystems[i]; f.Namespace == c.Namespace && f.Spec.ClusterRef.Name == c.Name {
			all = append(all, f)
		}
	}
	return all
}

func poolFindings(s *Snapshot, c *v1alpha1.StorageCluster) []Finding {
	var all []Finding
	for _, p := range poolsOf(s, c) {
		all = append(all, findings(objectOfPool(p), p.Status.Conditions)...)
	}
	for _, f := range filesystemsOf(s, c) {
		all = append(all, findings(objectOfFilesystem(f), f.Status.Conditions)...)
	}
	return all
}

// harmless says that a finding does not touch the data: what runs is not what spec says, or a disk is on its way in.
func (f Finding) harmless() bool {
	switch f.Condition {
	case v1alpha1.ConditionUpToDate, v1alpha1.ConditionStorageClassesReady:
		return true
	case v1alpha1.ConditionDisksSettled:
		switch f.Reason {
		case v1alpha1.ReasonPreparing, v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonNoDBSpace, v1alpha1.ReasonNoUsableDisks:
			return true
		}
	}
	return false
}

// sickness returns what touches the data of an object first. What is unknown does, and a Ready that nobody wrote.
func sickness(o Object, have []metav1.Condition) *Finding {
	known, unknown := allFindings(o, have)
	if f := find(append(known, unknown...), func(f *Finding) bool { return !f.harmless() }); f != nil {
		return f
	}
	if ready := readiness(have); ready.Status != metav1.ConditionTrue {
		return &Finding{o, ready.Type, string(ready.Status), ready.Reason, ready.Message}
	}
	return nil
}

// sicknessOf looks at a cluster, and then at its pools.
func sicknessOf(s *Snapshot, c *v1alpha1.StorageCluster) *Finding {
	sick := sickness(objectOfCluster(c), c.Status.Conditions)
	for _, p := range poolsOf(s, c) {
		if sick == nil {
			sick = sickness(objectOfPool(p), p.Status.Conditions)
		}
	}
	for _, f := range filesystemsOf(s, c) {
		if sick == nil {
			sick = sickness(objectOfFilesystem(f), f.Status.Conditions)
		}
	}
	return sick
}

// health says how a cluster is. Unknown is not healthy.
func health(s *Snapshot, c *v1alpha1.StorageCluster) (healthy bool, words string) {
	ready, sick := readiness(c.Status.Conditions), sicknessOf(s, c)
	switch {
	case ready.Status == metav1.ConditionFalse:
		words = fmt.Sprintf("not ready (%s): %s", ready.Reason, ready.Message)
	case ready.Status != metav1.ConditionTrue:
		words = "unknown: " + ready.Message
	case ready.Reason != v1alpha1.ReasonServing:
		words = "serving, not healthy: " + ready.Message
	case sick != nil:
		words = fmt.Sprintf("serving, not healthy: %s (%s): %s", sick.Object, sick.Reason, sick.Message)
	default:
		healthy, words = true, "healthy: "+ready.Message
	}
	if c.Status.ObservedGeneration < c.Generation && len(c.Status.Conditions) > 0 {
		words += "; the operator has not seen the last change of the spec yet"
	}
	return healthy, words
}

// activity says what goes on in a cluster by itself.
func activity(s *Snapshot, c *v1alpha1.StorageCluster) []string {
	var all []string
	if r := c.Status.Recovery; r != nil {
		text := fmt.Sprintf("recovery: %s of the objects have too few copies, %s are to move",
			orElse(Percent(r.DegradedPercent), "0%"), orElse(Percent(r.MisplacedPercent), "0%"))
		if r.ETASeconds != nil {
			text += ", done in about " + Seconds(r.ETASeconds)
		}
		all = append(all, text)
	}
	if u := c.Status.Upgrade; u != nil {
		all = append(all, joinWords(", ", fmt.Sprintf("upgrade from %s to %s: %d of %d daemons", u.From, u.To, u.Done, u.Total), u.Current))
	}
	for _, o := range s.operationsOf(c) {
		if o.Status.State == v1alpha1.OperationRunning {
			d := DescribeOperation(o)
			all = append(all, joinWords(", ", fmt.Sprintf("operation %s: %s", o.Name, what(o)), d.Step, Percent(d.Percent), d.Message))
		}
	}
	return all
}

// tasks returns what of a cluster waits for a person: its operations and disks first, then what the cluster and its
// pools say themselves, but for what was said of a disk or an operation already.
func tasks(s *Snapshot, c *v1alpha1.StorageCluster, found []Finding) []Task {
	all := []Task{}
	for _, o := range s.operationsOf(c) {
		if t := cmp.Or(operationTask(o), leftOverTask(s, o)); t != nil {
			all = append(all, *t)
		}
	}
	all = append(all, nodeTasks(s, c)...)
	for _, d := range s.disksOf(c) {
		if t := diskTask(s, d); t != nil {
			all = append(all, *t)
		}
	}
	detailed := len(all) > 0
	for _, f := range found {
		t := f.task()
		if t != nil && (!detailed || f.Condition != v1alpha1.ConditionDisksSettled) && !repeats(all, *t) {
			all = append(all, *t)
		}
	}
	if paused := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionPaused); paused != nil && paused.Status == metav1.ConditionTrue {
		do, _ := remedy(objectOfCluster(c), paused.Reason)
		all = append(all, Task{objectOfCluster(c), paused.Reason, paused.Message, do})
	}
	return all
}

// repeats says that the same was said already: Ready says again what another condition says.
func repeats(all []Task, t Task) bool {
	return find(all, func(other *Task) bool { return other.Object == t.Object && other.Reason == t.Reason }) != nil
}

// nodeTasks names the nodes that are not ready, with the daemons of the cluster that they take along.
func nodeTasks(s *Snapshot, c *v1alpha1.StorageCluster) []Task {
	lost := map[string][]string{}
	for _, m := range c.Status.Mons {
		if m.State == v1alpha1.MonOut {
			lost[m.Node] = append(lost[m.Node], manifest.MonDaemon(m.Name))
		}
	}
	for _, d := range s.disksOf(c) {
		if len(d.Status.OSDs) > 0 && d.Status.State != v1alpha1.DiskInService {
			lost[d.Status.Node] = append(lost[d.Status.Node], needs(d))
		}
	}
	var all []Task
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if daemons := lost[n.Name]; len(daemons) > 0 && !nodeReady(n) {
			text := fmt.Sprintf("it is not ready, and with it %s", strings.Join(daemons, ", "))
			all = append(all, Task{Object{KindNode, "", n.Name}, "NodeNotReady", text, bringBack(n.Name)})
		}
	}
	return all
}

func bringBack(node string) string {
	return fmt.Sprintf("bring node %s back; once it is off for good: kubectl taint node %s node.kubernetes.io/out-of-service=nodeshutdown:NoExecute", node, node)
}

// diskTask says what of a disk in service waits for a person; nil: nothing does, an operation has taken it up, or its
// node is what is missing.
func diskTask(s *Snapshot, d *v1alpha1.StorageDisk) *Task {
	if n := s.node(d.Status.Node); len(d.Status.OSDs) == 0 || len(operationsOn(s, d.Name)) > 0 || n != nil && !nodeReady(n) {
		return nil
	}
	t := Task{Object: objectOfDisk(d), Do: replaceDisk}
	service := deref(meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionInService))
	switch healthy := find(d.Status.Conditions, failing); {
	case healthy != nil:
		t.Reason, t.Message = healthy.Reason, fmt.Sprintf("%s (%s); %s needs it", healthy.Message, place(d), needs(d))
	case d.Status.State == v1alpha1.DiskMissing:
		t.Reason, t.Message = service.Reason, joinWords(" ", service.Message, "("+place(d)+")")
		t.Do = "put the disk back, or " + replaceDisk
	case d.Status.State == v1alpha1.DiskFailed:
		t.Reason, t.Message, t.Do = service.Reason, service.Message, asItSays
	case d.Status.State == v1alpha1.DiskDown:
		t.Reason, t.Message = service.Reason, joinWords(" ", service.Message, "("+place(d)+")")
		t.Do = "kubectl seamount why disk/" + d.Name
	default:
		return nil
	}
	return &t
}

// operationsOn returns the operations that act on a disk and have not finished. Those that only ask what if do not act.
func operationsOn(s *Snapshot, disk string) []*v1alpha1.StorageOperation {
	var all []*v1alpha1.StorageOperation
	for i := range s.Operations {
		if o := &s.Operations[i]; !Finished(o.Status.State) && !IsWhatIf(o) && actsOn(o, disk) {
			all = append(all, o)
		}
	}
	return all
}

func actsOn(o *v1alpha1.StorageOperation, disk string) bool {
	for _, d := range o.Spec.Disks {
		if d == disk {
			return true
		}
	}
	return find(o.Status.Targets, func(t *v1alpha1.OperationTarget) bool { return t.Disk == disk }) != nil
}
