package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

// sector is the unit of sizes in sysfs, whatever the device's own is.
const sector = 512

// fact is a file of the device's that has to be there.
func (s *scan) fact(d *device, fact, file string) string {
	text, err := s.tree.text(path.Join(d.dir, file))
	if err != nil {
		d.lacks(fact, err)
	}
	return text
}

// maybe is a file of the device's that need not be there.
func (s *scan) maybe(d *device, fact, file string) string {
	text, err := s.tree.text(path.Join(d.dir, file))
	if err != nil && !unsaid(err) {
		d.lacks(fact, err)
	}
	return printable(text)
}

// unsaid is how drivers answer for what their device does not say.
func unsaid(err error) bool {
	for _, answer := range []error{fs.ErrNotExist, unix.EINVAL, unix.ENXIO, unix.ENODATA, unix.EOPNOTSUPP} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// number is a file of the device's that has to be there and holds a number.
func (s *scan) number(d *device, fact, file string) int64 {
	text := s.fact(d, fact, file)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		d.lacks(fact, fmt.Errorf("%q in /%s/%s is no number that can be", text, d.dir, file))
		return 0
	}
	return n
}

// flag is a file of the device's that has to be there and says 0 or 1.
func (s *scan) flag(d *device, fact, file string) bool { return s.number(d, fact, file) != 0 }

// bytes is a number of sectors.
func (s *scan) bytes(d *device, fact, file string) int64 {
	const most = 1<<63 - 1
	n := s.number(d, fact, file)
	if n > most/sector {
		d.lacks(fact, fmt.Errorf("%d sectors are too many", n))
		return 0
	}
	return n * sector
}

// printable leaves out what a device says in bytes that cannot be shown, and the space that fills its fields.
func printable(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }), " ")
}

// hardware is what the device says of itself. A multipath LUN says it through its paths.
func (s *scan) hardware(d *device, paths []*device) disk.Hardware {
	h := disk.Hardware{
		Size:              s.bytes(d, "size", "size"),
		LogicalBlockSize:  int32(s.number(d, "block size", "queue/logical_block_size")),
		PhysicalBlockSize: int32(s.number(d, "block size", "queue/physical_block_size")),
		DiscardMaxBytes:   s.discard(d),
		PartitionTableID:  s.partitionTable(d),
	}
	speaker := d
	if len(paths) > 0 {
		speaker = paths[0]
	}
	h.Transport = transport(speaker.name, speaker.location)
	h.Media = s.media(d, h.Transport)
	h.Slot = s.slot(speaker)
	h.Path = h.Slot
	s.describe(speaker, &h)
	s.checkPaths(d, paths, h)
	return h
}

// describe reads what the device's driver shows of it: SCSI, NVMe, virtio and MMC each in a place of its own.
func (s *scan) describe(d *device, h *disk.Hardware) {
	h.Vendor = s.maybe(d, "vendor", "device/vendor")
	if strings.HasPrefix(h.Vendor, "0x") {
		h.Vendor = "" // a number of the bus, for drivers
	}
	h.Model = s.first(d, "model", "device/model", "device/name")
	h.Firmware = s.first(d, "firmware", "device/firmware_rev", "device/rev", "device/fwrev")
	h.WWN = s.wwn(d)
	h.EUI = s.eui(d)
	h.Serial = s.serial(d)
}

// first is what the first of the files says that is there.
func (s *scan) first(d *device, fact string, files ...string) string {
	for _, file := range files {
		if text := s.maybe(d, fact, file); text != "" {
			return text
		}
	}
	return ""
}

// discard is how much the device discards at once. One that does not say is taken for one that does not.
func (s *scan) discard(d *device) int64 {
	text := s.maybe(d, "discard", "queue/discard_max_bytes")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

var wwid = regexp.MustCompile(`^(?:naa|eui)\.([0-9a-f]+)$`)

// wwn of SCSI and ATA disks. A "t10." identifier is made of vendor, model and serial number, and is no WWN.
func (s *scan) wwn(d *device) string {
	if match := wwid.FindStringSubmatch(strings.ToLower(s.maybe(d, identity.FactWWN, "device/wwid"))); match != nil {
		return match[1]
	}
	return ""
}

// eui of an NVMe namespace: like the kernel, the NGUID before the EUI-64.
func (s *scan) eui(d *device) string {
	for _, file := range []string{"nguid", "eui"} {
		text := strings.ToLower(s.maybe(d, identity.FactEUI, file))
		id := strings.NewReplacer(" ", "", "-", "").Replace(text)
		if strings.Trim(id, "0") != "" {
			return id
		}
	}
	return ""
}

var hardwarePartition = regexp.MustCompile(`^mmcblk\d+((?:boot|gp)\d+|rpmb)$`)

// serial number, from where the driver of the disk shows it.
func (s *scan) serial(d *device) string {
	serial := s.ask(d)
	if serial == "" {
		serial = s.maybe(d, identity.FactSerial, "device/serial")
	}
	if match := hardwarePartition.FindStringSubmatch(d.name); match != nil && serial != "" {
		return serial + "-" + match[1] // a part of a card that the card itself presents as another disk
	}
	if serial != "" {
		return serial
	}
	page, err := fs.ReadFile(s.tree.FS, path.Join(d.dir, "device/vpd_pg80"))
	switch {
	case err == nil:
		if serial, err = parseSerialPage(page); err != nil {
			d.lacks(identity.FactSerial, err)
		}
	case !unsaid(err):
		d.lacks(identity.FactSerial, err)
	}
	if serial == "" && strings.Contains(d.location, "/usb") {
		return s.usbSerial(d)
	}
	return serial
}

// parseSerialPage reads the SCSI page of the unit's serial number (SPC-5, 7.7.18).
func parseSerialPage(page []byte) (string, error) {
	const header = 4
	if len(page) < header || page[1] != 0x80 {
		return "", fmt.Errorf("a page of %d bytes is no page of a serial number", len(page))
	}
	length := int(page[2])<<8 | int(page[3])
	if len(page) < header+length {
		return "", fmt.Errorf("the page of the serial number ends after %d of %d bytes", len(page), header+length)
	}
	return printable(string(page[header : header+length])), nil
}

// usbSerial is that of the USB device which the disk is a part of.
func (s *scan) usbSerial(d *device) string {
	for dir := path.Dir(d.location); strings.Contains(dir, "/usb"); dir = path.Dir(dir) {
		if is, err := s.tree.exists(dir + "/idVendor"); err != nil || !is {
			continue
		}
		text, err := s.tree.text(dir + "/serial")
		if err != nil && !unsaid(err) {
			d.lacks(identity.FactSerial, err)
		}
		return printable(text)
	}
	return ""
}

// transports by what the location in the kernel's device tree holds; the first that fits counts.
var transports = []struct {
	part      *regexp.Regexp
	transport v1alpha1.Transport
}{
	{regexp.MustCompile(`/usb\d+/`), v1alpha1.TransportUSB},
	{regexp.MustCompile(`/session\d+/`), v1alpha1.TransportISCSI},
	{regexp.MustCompile(`/rport-[^/]+/`), v1alpha1.TransportFC},
	{regexp.MustCompile(`/end_device-[^/]+/`), v1alpha1.TransportSAS},
	{regexp.MustCompile(`/ata\d+/`), v1alpha1.TransportSATA},
	{regexp.MustCompile(`/virtio\d+/`), v1alpha1.TransportVirtio},
}

// transport is empty for what is none of those that the API knows.
func transport(name, location string) v1alpha1.Transport {
	switch {
	case strings.HasPrefix(name, "nvme"):
		return v1alpha1.TransportNVMe
	case strings.HasPrefix(name, "mmcblk"):
		return v1alpha1.TransportMMC
	case strings.HasPrefix(name, "loop"):
		return v1alpha1.TransportLoop
	}
	for _, known := range transports {
		if known.part.MatchString(location) {
			return known.transport
		}
	}
	return ""
}

func (s *scan) media(d *device, transport v1alpha1.Transport) v1alpha1.Media {
	switch text := s.fact(d, "media", "queue/rotational"); {
	case transport == v1alpha1.TransportNVMe:
		return v1alpha1.MediaNVMe
	case text == "1":
		return v1alpha1.MediaHDD
	case text == "0":
		return v1alpha1.MediaSSD
	}
	return ""
}

// checkPaths tells when the paths of a multipath LUN lead to different disks.
func (s *scan) checkPaths(d *device, paths []*device, h disk.Hardware) {
	for _, p := range paths {
		var other disk.Hardware
		s.describe(p, &other)
		if other.WWN != h.WWN || other.Serial != h.Serial {
			d.lacks("identity", fmt.Errorf("its paths say different things: %s is %s %s, %s is %s %s",
				paths[0].name, h.WWN, h.Serial, p.name, other.WWN, other.Serial))
		}
	}
}

// udev is what udev's database says of the device; empty where udev does not run or has not got to it.
func (s *scan) udev(d *device) map[string]string {
	text, err := s.tree.text(fmt.Sprintf("run/udev/data/b%d:%d", d.number.Major, d.number.Minor))
	if err != nil {
		return nil
	}
	properties := map[string]string{}
	for line := range strings.Lines(text) {
		if property, found := strings.CutPrefix(strings.TrimSpace(line), "E:"); found {
			key, value, _ := strings.Cut(property, "=")
			properties[key] = value
		}
	}
	return properties
}

// partitionTable is the GUID of a GPT, where udev found one.
func (s *scan) partitionTable(d *device) string {
	if properties := s.udev(d); properties["ID_PART_TABLE_TYPE"] == "gpt" {
		return properties["ID_PART_TABLE_UUID"]
	}
	return ""
}

// partitionUUID is that of a GPT entry: newer kernels say it, and udev does.
func (s *scan) partitionUUID(d *device) string {
	text, err := s.tree.text(path.Join(d.dir, "uevent"))
	if err != nil {
		d.lacks("partitions", err)
	}
	for line := range strings.Lines(text) {
		if uuid, found := strings.CutPrefix(strings.TrimSpace(line), "PARTUUID="); found {
			return uuid
		}
	}
	return s.udev(d)["ID_PART_ENTRY_UUID"]
}
