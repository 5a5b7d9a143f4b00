package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// filesystemView is a StorageFilesystem and its plan, as its status is derived from them.
type filesystemView struct {
	poolView
	in   FilesystemObserved
	fs   *ceph.Filesystem // made for it, or nil
	left []SubvolumeGroup
}

func newFilesystemView(in FilesystemObserved, p FilesystemPlan) *filesystemView {
	v := &filesystemView{
		poolView: poolView{in: in.OwnerObserved, owner: in.owner(), plan: p.PoolPlan, snapshot: in.Ceph.fresh()},
		in:       in, fs: p.Filesystem, left: p.Left,
	}
	if v.fs != nil && v.snapshot != nil {
		v.idle = v.notServing()
	}
	return v
}

// conditions returns every condition of a StorageFilesystem, each time.
func (v *filesystemView) conditions() []typedCondition {
	all := v.poolView.conditions()
	for i := range all {
		if all[i].conditionType == v1alpha1.ConditionStorageClassesReady && len(v.left) > 0 {
			all[i].Message += "; " + v.leftText()
		}
	}
	return append(all, typedCondition{v1alpha1.ConditionMDSHealthy, v.mdsHealthy()})
}

func (v *filesystemView) leftText() string {
	var texts []string
	for _, group := range v.left {
		texts = append(texts, fmt.Sprintf("the group %s, of no class here, still holds %s", group.Name, count(group.Subvolumes, "subvolume")))
	}
	return some(texts)
}

// notServing returns why nobody can use the filesystem, or a part of it, although it was made; nil: it serves.
func (v *filesystemView) notServing() *Condition {
	condition := notObserved("")
	switch text := v.outage(); {
	case text == "":
		return nil
	case v.unborn():
		condition = isFalse(v1alpha1.ReasonCreating, "no metadata server holds a rank yet")
	default:
		condition = isFalse(v1alpha1.ReasonRankFailed, "%s", text)
	}
	return &condition
}

// unborn says that no metadata server ever was active for the filesystem.
func (v *filesystemView) unborn() bool {
	state := rankState(v.fs, 0)
	return v.fs.Joinable && len(v.fs.Failed)+len(v.fs.Damaged) == 0 && (state == "creating" || len(v.fs.Ranks) == 0)
}

// serving are the states of a rank that does its work, or that does not have any yet.
var serving = []string{stateActive, "stopping", "creating", "starting"}

// outage says which part of the filesystem nobody serves; empty: none.
func (v *filesystemView) outage() string {
	held, _ := holders(v.fs)
	var texts []string
	for _, rank := range v.fs.Damaged {
		texts = append(texts, fmt.Sprintf("rank %d is damaged", rank))
	}
	for _, rank := range v.fs.Failed {
		texts = append(texts, fmt.Sprintf("rank %d has failed, and nobody takes over", rank))
	}
	for _, mds := range held {
		if state := mdsState(mds); !slices.Contains(serving, state) || mds.Rank == 0 && state == "creating" {
			texts = append(texts, fmt.Sprintf("rank %d is taken over by %s, which is in %s", mds.Rank, mds.Name, state))
		}
	}
	switch {
	case !v.fs.Joinable:
		texts = append(texts, fmt.Sprintf("it was stopped (ceph fs fail): in the toolbox, ceph fs set %s joinable true starts it again", v.fs.Name))
	case len(texts) == 0 && len(held) == 0:
		return "rank 0 is held by nobody"
	}
	return some(texts)
}

func (v *filesystemView) mdsHealthy() Condition {
	switch waiting := v.waiting(); {
	case waiting != "":
		return notObserved("%s", waiting)
	case v.fs == nil && v.in.Deleting:
		return notObserved("it is being deleted")
	case v.fs == nil:
		return notObserved("there is no filesystem yet")
	}
	for _, look := range []func() *Condition{v.damaged, v.rankFailed, v.noStandby, v.oversized} {
		if found := look(); found != nil {
			return *found
		}
	}
	return isTrue(v1alpha1.ReasonAllRanksActive, "%s active, %s", count(active(v.fs), "rank"), count(v.standbys(), "standby server"))
}

func (v *filesystemView) damaged() *Condition {
	text := v.checkText("MDS_DAMAGE")
	if len(v.fs.Damaged) > 0 {
		text = v.outage()
	}
	return orNil(text, v1alpha1.ReasonDamaged, "Ceph's own repair is for a person to start: see ceph tell mds.NAME damage ls in the toolbox")
}

func (v *filesystemView) rankFailed() *Condition {
	text := v.outage()
	if n := active(v.fs); text == "" && n < v.fs.MaxMDS {
		text = fmt.Sprintf("%d of %s are active", n, count(v.fs.MaxMDS, "rank"))
	}
	return orNil(text, v1alpha1.ReasonRankFailed, "see the pods of the metadata servers")
}

// noStandby says that a server is missing that would take over. With Replay each rank is to have one.
func (v *filesystemView) noStandby() *Condition {
	have, wanted := v.standbys(), 0
	switch v.in.Spec.MDS.Standby {
	case v1alpha1.StandbyReplay:
		wanted = active(v.fs)
	case v1alpha1.StandbyShared:
		wanted, have = 1, max(have, len(v.snapshot.Standbys))
	}
	if have >= wanted {
		return nil
	}
	return orNil(fmt.Sprintf("%s by for %s", count(have, "server")+verb(have, " stands", " stand"), count(active(v.fs), "rank")),
		v1alpha1.ReasonNoStandby, "see the pods of the metadata servers")
}

func (v *filesystemView) oversized() *Condition {
	return orNil(v.checkText("MDS_CACHE_OVERSIZED"), v1alpha1.ReasonCacheOversized,
		"raise the memory limit in spec.mds.resources, or close files: clients hold more than fits")
}

func orNil(text, reason, remedy string) *Condition {
	if text == "" {
		return nil
	}
	condition := isFalse(reason, "%s; %s", text, remedy)
	return &condition
}

// checkText returns what a check of Ceph's health says of the servers of this filesystem; empty: nothing.
func (v *filesystemView) checkText(code string) string {
	var texts []string
	for _, check := range v.snapshot.Health.Checks {
		if check.Code != code {
			continue
		}
		for _, detail := range check.Details {
			if slices.ContainsFunc(v.fs.Ranks, func(mds ceph.MDS) bool { return strings.Contains(detail, "mds."+mds.Name+"(") }) {
				texts = append(texts, strings.TrimSpace(detail))
			}
		}
	}
	return some(texts)
}
