// Package request is the agent's loop: it watches the StorageDisks of its node for requests of the operator, has the
// disks dealt with, and reports what came of it in their status. Nobody calls it, and it listens to nobody.
package request
