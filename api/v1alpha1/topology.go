package v1alpha1

// FailureDomain is a level of the CRUSH tree: what may fail at once without more than one copy being lost.
// See https://docs.ceph.com/en/latest/rados/operations/crush-map/#types-and-buckets.
//
// +kubebuilder:validation:Enum=OSD;Host;Chassis;Rack;Row;Room;Datacenter;Zone;Region
type FailureDomain string

// The levels of the tree, from the smallest to the largest.
const (
	FailureDomainOSD        FailureDomain = "OSD"
	FailureDomainHost       FailureDomain = "Host"
	FailureDomainChassis    FailureDomain = "Chassis"
	FailureDomainRack       FailureDomain = "Rack"
	FailureDomainRow        FailureDomain = "Row"
	FailureDomainRoom       FailureDomain = "Room"
	FailureDomainDatacenter FailureDomain = "Datacenter"
	FailureDomainZone       FailureDomain = "Zone"
	FailureDomainRegion     FailureDomain = "Region"
)
