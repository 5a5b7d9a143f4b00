// Package keeper is the process of seamount-block that outlives workers: it holds the descriptor of every mapped file, so
// that the kernel keeps requests waiting when the worker dies, and starts another worker that answers them. It does next
// to nothing else, so that it does not die itself. When it does, the worker serves on, and the next keeper takes the
// descriptors out of it.
//
// It owns one directory: the mapped files below the names of their pools, and its own files in ".keeper". Nobody but the
// holder of the lock there may change them. All of it ends with the boot.
//
// It never decides whether an image may be used; a worker does, with Ceph. It ends a mapping for good where a worker
// says that the image was taken or the node fenced.
package keeper
