// Package handover is what the operator hands over to the programs in Ceph's pods and to the CSI controller, and what
// they hand back: files and Secrets with their names and their form. Both sides use these types, so that neither
// guesses. It reads and writes nothing itself.
package handover
