// Package reference writes the pages of docs/reference, one for each kind of the API, from what the API server and the
// controllers go by: the definitions in deploy/crds, which carry the comments of the types, the types themselves for the order
// of their fields, and the table of conditions in api/conditions.
//
// It says nothing of its own about a field, and reads and writes no cluster.
package reference
