// Package process owns the daemons that seamount-local leaves running: it starts
// them detached from the command that wanted them, knows them again later by
// process id and start time, and stops them.
//
// It never looks for a process by its name, and never signals one that is not
// proven to be the one that was started.
package process
