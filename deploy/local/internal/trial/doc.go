// Package trial owns what turns an empty local Kubernetes into a trial of Seamount: it builds the programs and images of
// this checkout, installs them, makes a StorageCluster and a StoragePool, and puts a PostgreSQL on a volume of it. Before
// the cluster is taken down it has the volumes unmounted.
//
// It never starts, stops or configures Kubernetes itself, and it changes nothing that is there already, except Seamount's
// own objects where this checkout has them otherwise.
package trial
