package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// StorageSpec says which disks a cluster takes, and what for.
type StorageSpec struct {
	// nodeSelector lists the labels of the nodes whose disks the rules see. Nodes that match later join by themselves.
	// Default: every node that discover runs on.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// rules in their order: a disk falls under the first one that matches it. A disk that no rule matches is left alone.
	// Changing a rule concerns disks that are not yet in service.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(r, self.exists_one(o, o.name == r.name))",message="storage.rules: two rules have the same name"
	// +kubebuilder:validation:XValidation:rule="self.all(r, !has(r.db) || self.exists(o, o.name == r.db.rule && o.name != r.name && (o.?use.orValue('OSD') == 'DB' || has(o.dbSpace))))",message="db.rule: must be another rule of this list with use: DB or with dbSpace"
	Rules []DiskRule `json:"rules,omitempty"`
}

// DiskRule selects disks by their hardware and says what becomes of them. What a disk holds decides whether it may be
// written, not which rule it falls under: a disk with data on it does not slip to the next rule.
//
// +kubebuilder:validation:XValidation:rule="self.?use.orValue('OSD') == 'OSD' || !(has(self.deviceClass) || has(self.osdsPerDisk) || has(self.db) || has(self.dbSpace) || has(self.resources))",message="deviceClass, osdsPerDisk, db, dbSpace and resources need use: OSD"
type DiskRule struct {
	// name of the rule: plans and disks name it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// nodeSelector narrows storage.nodeSelector to the nodes that also carry these labels.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// match says which disks. All keys must hold; of each key, one value is enough.
	//
	// +required
	Match DiskMatch `json:"match,omitzero"`

	// use of the disks. OSD: data. DB: room for the DB and WAL of other OSDs. Never: leave them alone, whatever later
	// rules say. Default: OSD.
	//
	// +optional
	Use RuleUse `json:"use,omitempty"`

	// deviceClass of the OSDs in CRUSH. Default: hdd, ssd or nvme, after the media. Virtual machines often report the
	// wrong media. With use: OSD only.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.-]+$`
	DeviceClass string `json:"deviceClass,omitempty"`

	// osdsPerDisk cuts a disk into as many equal slices, each with an OSD of its own; for fast NVMe. Default: 1.
	// With use: OSD only.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=8
	OSDsPerDisk int32 `json:"osdsPerDisk,omitempty"`

	// db puts the DB and WAL of these OSDs on a DB disk of the same node. A disk for which no DB disk has room waits; it
	// never becomes an OSD with its DB on itself. With use: OSD only.
	//
	// +optional
	DB *DBPlacement `json:"db,omitempty"`

	// dbSpace keeps as many bytes of each disk for the DBs of other rules, and makes OSDs of the rest.
	// With use: OSD only.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	DBSpace *resource.Quantity `json:"dbSpace,omitempty"`

	// resources of each OSD of this rule, as in a pod. Default: spec.osd.resources. With use: OSD only.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// DiskMatch says which disks a rule takes, by their hardware. All keys must hold; of each key, one value is enough.
//
// +kubebuilder:validation:XValidation:rule="has(self.ids) || has(self.media) || has(self.transports) || has(self.minSize) || has(self.maxSize) || has(self.models) || has(self.paths)",message="match: name at least one property; to take every usable disk write media: [HDD, SSD, NVMe]"
// +kubebuilder:validation:XValidation:rule="!has(self.minSize) || !has(self.maxSize) || !quantity(string(self.minSize)).isGreaterThan(quantity(string(self.maxSize)))",message="match: minSize is larger than maxSize"
type DiskMatch struct {
	// ids of very disks: the name of the StorageDisk, the WWN or the serial number, exactly.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	IDs []string `json:"ids,omitempty"`

	// media of the disks, as observed.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Media []Media `json:"media,omitempty"`

	// transports of the disks, as observed. Loop, USB and MMC disks match only a rule that names their transport.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=9
	Transports []Transport `json:"transports,omitempty"`

	// minSize of the disk in bytes, inclusive.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	MinSize *resource.Quantity `json:"minSize,omitempty"`

	// maxSize of the disk in bytes, inclusive.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`

	// models of the disks. An asterisk stands for any characters; nothing else is special.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Models []string `json:"models,omitempty"`

	// paths are the names of slots under /dev/disk/by-path, so that a disk put into the same slot matches again. An
	// asterisk stands for any characters; nothing else is special.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Paths []string `json:"paths,omitempty"`
}

// DBPlacement puts the DB and WAL of OSDs on a faster disk of the same node.
type DBPlacement struct {
	// rule whose disks hold the DBs: another one of storage.rules, with use: DB or with dbSpace.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Rule string `json:"rule,omitempty"`

	// size in bytes of the slice for each OSD. 1 to 2 percent of the data disk for block volumes, 4 percent for files
	// and objects.
	//
	// +required
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	Size resource.Quantity `json:"size,omitzero"`
}

// RuleUse says what a rule's disks are for.
//
// +kubebuilder:validation:Enum=OSD;DB;Never
type RuleUse string

// What a rule's disks are for.
const (
	RuleUseOSD   RuleUse = "OSD"
	RuleUseDB    RuleUse = "DB"
	RuleUseNever RuleUse = "Never"
)
