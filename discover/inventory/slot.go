package inventory

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/discover/identity"
)

// Parts of a location in the kernel's device tree.
var (
	pciAddress    = regexp.MustCompile(`^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$`)
	scsiAddress   = regexp.MustCompile(`^\d+:(\d+:\d+:\d+)$`)
	usbInterface  = regexp.MustCompile(`^\d+-([\d.]+:\d+\.\d+)$`)
	nvmeNamespace = regexp.MustCompile(`^nvme\d+(?:c\d+)?n(\d+)$`)
	// counted are parts that are numbered in the order in which the kernel found them, or that say nothing of the slot.
	counted = regexp.MustCompile(`^(?:pci[0-9a-f]+:[0-9a-f]+|host\d+|target[\d:]+|port-[\d:]+|usb\d+|\d+-[\d.]+|virtio\d+|nvme\d*|` +
		`nvme-subsystem|nvme-subsys\d+|mmc_host|mmc\d+:[0-9a-f]+|block|platform|` +
		`device:[0-9a-f]+|LNXSYSTM:\d+|LNXSYBUS:\d+)$`)
)

// slot says where a disk sits, in the manner of udev's by-path: what survives a reboot, and nothing that is numbered in
// the order of discovery. It is empty for devices that are nowhere.
func (s *scan) slot(d *device) string {
	location := s.controller(d.location)
	if within(location, "sys/devices/virtual") || location == "" {
		return ""
	}
	var parts []string
	names := strings.Split(strings.TrimPrefix(location, "sys/devices/"), "/")
	for i, name := range names[:len(names)-1] {
		if pciAddress.MatchString(name) {
			parts = nil // the last one says it all
		}
		if part := s.slotPart(d, name, path.Join("sys/devices", path.Join(names[:i+1]...))); part != "" {
			parts = append(parts, part)
		}
	}
	if match := nvmeNamespace.FindStringSubmatch(names[len(names)-1]); match != nil {
		parts = append(parts, "nvme-"+s.attribute(d, path.Join(d.location, "nsid"), match[1]))
	}
	return strings.Join(parts, "-")
}

// slotPart is what one part of the location says, empty for nothing.
func (s *scan) slotPart(d *device, name, dir string) string {
	switch {
	case pciAddress.MatchString(name):
		return "pci-" + name
	case scsiAddress.MatchString(name):
		return "scsi-" + scsiAddress.FindStringSubmatch(name)[1]
	case usbInterface.MatchString(name):
		return "usb-" + usbInterface.FindStringSubmatch(name)[1]
	case counted.MatchString(name):
		return ""
	}
	for _, port := range ports {
		if strings.HasPrefix(name, port.prefix) {
			return port.title + s.attribute(d, path.Join(dir, port.class, name, port.file), name)
		}
	}
	return name
}

// ports are parts of a location that are numbered in the order of discovery and have a name of their own in a file.
var ports = []struct{ prefix, title, class, file string }{
	{"ata", "ata-", "ata_port", "port_no"},
	{"expander-", "sas-exp", "sas_device", "sas_address"},
	{"end_device-", "sas-phy", "sas_device", "phy_identifier"},
	{"rport-", "fc-", "fc_remote_ports", "port_name"},
	{"session", "iscsi-", "iscsi_session", "targetname"},
}

// attribute is the content of a file in sysfs, or else the name that the kernel gives.
func (s *scan) attribute(d *device, file, otherwise string) string {
	text, err := s.tree.text(file)
	if err != nil && !unsaid(err) {
		d.lacks(identity.FactLocation, err)
	}
	if text == "" {
		return otherwise
	}
	return text
}

// controller replaces the location of a namespace that several NVMe controllers may serve, which is nowhere, by that of the
// first of them.
func (s *scan) controller(location string) string {
	dir := path.Dir(location)
	if !strings.HasPrefix(path.Base(dir), "nvme-subsys") {
		return location
	}
	entries, err := s.tree.dir(dir)
	if err != nil {
		return location
	}
	var controllers []string
	for _, entry := range entries {
		if to, err := s.tree.follow(path.Join(dir, entry.Name())); err == nil && strings.Contains(to, "/nvme/nvme") {
			controllers = append(controllers, to)
		}
	}
	if len(controllers) == 0 {
		return location
	}
	return path.Join(slices.Min(controllers), path.Base(location))
}
