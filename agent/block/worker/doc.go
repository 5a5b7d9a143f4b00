// Package worker is the process of seamount-block that serves images: one client of Ceph, many files. It may die at any
// time. What it knows lies in the keeper, in the images' metadata and in the kernel, and another worker goes on from
// there.
//
// It decides who may take an image's lock and whether it may go on where another worker died; what becomes of an image
// that it refuses is the keeper's business. It never hands a lock over, and never answers a request after it lost one: it
// ends, and the keeper finds out why.
package worker
