package rootfs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/images/debian"
	"github.com/seamount-dev/seamount/images/oci"
)

// User is an account of the image, with a group of the same name.
type User struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Home string `json:"home,omitempty"`
	// Shell is /usr/sbin/nologin if empty.
	Shell string `json:"shell,omitempty"`
}

// standard are the accounts every image has, with Debian's numbers.
var standard = []User{
	{Name: "root", Home: "/root", Shell: "/bin/sh"},
	{Name: "daemon", UID: 1, GID: 1, Home: "/usr/sbin"},
	{Name: "adm", UID: 3, GID: 4, Home: "/var/adm"},
	{Name: "disk", UID: 6, GID: 6, Home: "/nonexistent"},
	{Name: "nobody", UID: 65534, GID: 65534, Home: "/nonexistent"},
}

// nsswitch is what Debian's base-files installs, without what needs a daemon.
const nsswitch = `passwd:    files
group:     files
shadow:    files
hosts:     files dns
networks:  files
protocols: files
services:  files
`

// AddBase adds what every image needs and no package brings: the mount points,
// the links of a merged /usr, accounts and name service.
func (t *Tree) AddBase(users []User) error {
	files := accounts(append(slices.Clone(standard), users...))
	files = append(files, oci.File{Path: "/etc/nsswitch.conf", Content: []byte(nsswitch)})
	for p, mode := range map[string]fs.FileMode{
		"/dev": 0o755, "/etc": 0o755, "/proc": 0o755, "/run": 0o755, "/run/lock": 0o755 | fs.ModeSticky, "/sys": 0o755,
		"/root": 0o700, "/tmp": 0o777 | fs.ModeSticky, "/usr/bin": 0o755, "/usr/sbin": 0o755, "/usr/lib": 0o755, "/usr/lib64": 0o755, "/var/tmp": 0o777 | fs.ModeSticky,
	} {
		files = append(files, oci.File{Path: p, Mode: fs.ModeDir | mode})
	}
	for _, a := range aliases {
		files = append(files, oci.File{Path: a[0], Link: relative(a[0], a[1])})
	}
	for _, f := range files {
		if err := t.Put(f); err != nil {
			return err
		}
	}
	return nil
}

// accounts renders passwd and group. No account has a password.
func accounts(users []User) []oci.File {
	var passwd, group bytes.Buffer
	for _, u := range users {
		shell := u.Shell
		if shell == "" {
			shell = "/usr/sbin/nologin"
		}
		fmt.Fprintf(&passwd, "%s:x:%d:%d:%s:%s:%s\n", u.Name, u.UID, u.GID, u.Name, u.Home, shell)
		fmt.Fprintf(&group, "%s:x:%d:\n", u.Name, u.GID)
	}
	return []oci.File{{Path: "/etc/passwd", Content: passwd.Bytes()}, {Path: "/etc/group", Content: group.Bytes()}}
}

// Where ca-certificates keeps the single certificates and the bundle that all
// programs read, which its maintainer script puts together.
const (
	certificates      = "/usr/share/ca-certificates/"
	certificateBundle = "/etc/ssl/certs/ca-certificates.crt"
)

// AddCertificateBundle joins the certificates of the package ca-certificates.
func (t *Tree) AddCertificateBundle() error {
	var bundle bytes.Buffer
	for _, p := range t.Paths() {
		if !strings.HasPrefix(p, certificates) || !strings.HasSuffix(p, ".crt") {
			continue
		}
		content, err := os.ReadFile(t.Path(p))
		if err != nil {
			return err
		}
		bundle.Write(append(bytes.TrimSpace(content), '\n'))
	}
	if bundle.Len() == 0 {
		return nil
	}
	return t.Put(oci.File{Path: certificateBundle, Content: bundle.Bytes()})
}

// AddPackageRecords writes down what the image was built from: a list for
// people, and one record a package where scanners look for them.
func (t *Tree) AddPackageRecords(packages []debian.Package) error {
	if len(packages) == 0 {
		return nil
	}
	list := PackageList(packages)
	if err := t.Put(oci.File{Path: "/usr/share/seamount/packages.txt", Content: []byte(list)}); err != nil {
		return err
	}
	for _, p := range packages {
		if err := t.Put(oci.File{Path: "/var/lib/dpkg/status.d/" + p.Name, Content: []byte(p.Control)}); err != nil {
			return err
		}
	}
	return nil
}

// PackageList renders exact packages one a line: name, version, architecture
// and SHA256 of the package's file.
func PackageList(packages []debian.Package) string {
	var b strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&b, "%s %s %s %s\n", p.Name, p.Version, p.Architecture, p.SHA256)
	}
	return b.String()
}
