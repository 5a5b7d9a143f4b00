// Package agent tests what a node's agent does with real disks: loop devices of its own, and programs of others that read
// what it wrote.
package agent
