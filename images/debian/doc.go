// Package debian finds out which Debian packages an image needs and fetches
// them: it reads the mirrors this machine's apt is configured with, and lets
// apt itself resolve, download and verify, in directories of its own. It never
// changes the machine's own package state and knows no mirror by name.
package debian
