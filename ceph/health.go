package ceph

import "context"

// Health reads the cluster's health.
type Health interface {
	// Health reads all checks with their details.
	Health(ctx context.Context) (HealthReport, error)
	// MuteHealth hides a check until UnmuteHealth, also when it clears and comes back (sticky).
	MuteHealth(ctx context.Context, code string) error
	// UnmuteHealth shows it again. One that is not muted is no error.
	UnmuteHealth(ctx context.Context, code string) error
}

// HealthStatus is HEALTH_OK, HEALTH_WARN or HEALTH_ERR.
type HealthStatus string

// Ceph's three levels.
const (
	HealthOK   HealthStatus = "HEALTH_OK"
	HealthWarn HealthStatus = "HEALTH_WARN"
	HealthErr  HealthStatus = "HEALTH_ERR"
)

// HealthReport is the overall status and each check behind it.
type HealthReport struct {
	Status HealthStatus
	Checks []HealthCheck // sorted by code; muted ones are here too
}

// HealthCheck is one finding, in Ceph's own words.
type HealthCheck struct {
	Code     string // such as OSD_DOWN
	Severity HealthStatus
	Summary  string
	Count    int64
	Muted    bool
	Details  []string
}

// Devices reads what the daemons say of their devices.
type Devices interface {
	// Devices lists all known devices, sorted by id.
	Devices(ctx context.Context) ([]Device, error)
}

// Device is a disk as Ceph's device tracking knows it.
type Device struct {
	ID        string // vendor_model_serial
	Locations []DeviceLocation
	Daemons   []string // sorted
}

// DeviceLocation is where a device is attached.
type DeviceLocation struct {
	Host string
	Name string // kernel name, such as sdb
	Path string
}

// Versions reads what runs.
type Versions interface {
	// Versions counts the running daemons of each type and version.
	Versions(ctx context.Context) ([]DaemonVersion, error)
}

// DaemonVersion is how many daemons of a type run a version.
type DaemonVersion struct {
	Daemon  string // mon, mgr, osd, mds, rgw, ...
	Version string // such as 20.2.4
	Release string // such as tentacle
	Count   int
}
