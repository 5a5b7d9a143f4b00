// Package render renders the chart of Seamount with helm's own engine, and writes what is made from it: the manifests for
// kubectl, the copies of the definitions and policies in the chart, and the table of its values.
//
// It talks to no Kubernetes. What helm does beyond rendering, it does not do.
package render
