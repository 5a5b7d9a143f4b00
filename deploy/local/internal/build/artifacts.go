package build

import "path/filepath"

// Artifacts is where the compiled programs are.
type Artifacts struct {
	// BinDir holds the programs: kubectl, kubelet, kube-proxy, kube-apiserver,
	// kube-controller-manager, kube-scheduler, etcd, containerd,
	// containerd-shim-runc-v2, ctr, runc.
	BinDir string
	// CNIDir holds the CNI plugins: bridge, host-local, loopback, portmap.
	CNIDir string
	// ImageDir holds the archives of the images that every node needs: pause.tar
	// and coredns.tar.
	ImageDir string
}

// Program is the path of a program in BinDir.
func (a Artifacts) Program(name string) string { return filepath.Join(a.BinDir, name) }
