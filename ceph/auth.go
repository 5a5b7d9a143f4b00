package ceph

import "context"

// Auth makes, changes and removes cephx users.
type Auth interface {
	// EnsureEntity makes the user with these capabilities and returns it with
	// its key. One that exists gets the capabilities and keeps its key.
	EnsureEntity(ctx context.Context, entity string, caps Caps) (Entity, error)
	// Entity reads one user with its key.
	Entity(ctx context.Context, entity string) (Entity, error)
	// Entities lists all users, sorted by name, without keys.
	Entities(ctx context.Context) ([]Entity, error)
	// ImportEntity makes the user with a key that the caller chose. One that exists with another key is ErrExists.
	ImportEntity(ctx context.Context, e Entity) error
	// SetCaps replaces all capabilities of a user.
	SetCaps(ctx context.Context, entity string, caps Caps) error
	// RemoveEntity removes a user. One that does not exist is no error.
	RemoveEntity(ctx context.Context, entity string) error
}

// Entity is a cephx user such as client.node-n1 or osd.3.
type Entity struct {
	Name string
	Key  Secret
	Caps Caps
}

// Caps maps a service (mon, mgr, osd, mds) to its capability string.
type Caps map[string]string

// Config is the cluster's central configuration.
type Config interface {
	// ConfigDump lists what is set, sorted by who and option.
	ConfigDump(ctx context.Context) ([]ConfigOption, error)
	// SetConfig sets one option for a section: global, a daemon type or a daemon, with an optional mask (osd/class:hdd).
	SetConfig(ctx context.Context, who, option, value string) error
	// RemoveConfig takes an option back. One that is not set is no error.
	RemoveConfig(ctx context.Context, who, option string) error
}

// ConfigOption is one line of the central configuration.
type ConfigOption struct {
	Who    string // section with mask, as SetConfig takes it
	Option string
	Value  string
}
