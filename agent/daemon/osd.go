package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// OSD starts an OSD.
type OSD struct {
	Machine Machine
	Disks   Disks
	ID      int32
	// Location in CRUSH, as ceph-osd takes it, and DeviceClass that the OSD gives itself when it has none.
	Location, DeviceClass string
	// PublicAddress that the OSD is known by; empty: as Ceph finds it.
	PublicAddress string
	// Args of ceph-osd.
	Args []string
	// SecretDir holds the reservation, Dir the OSD's directory.
	SecretDir, Dir string
}

// Start brings the OSD's disk and directory into place and becomes ceph-osd. It returns only when it fails.
func (o OSD) Start(ctx context.Context) error {
	r, err := o.reservation()
	if err != nil {
		return err
	}
	devices, err := o.prepare(ctx, r)
	if err != nil {
		return err
	}
	if err := o.makeDirectory(ctx, r, devices); err != nil {
		return err
	}
	argv := []string{"ceph-osd", "-f", "-i", o.id(), "--osd-data", o.directory(), "--crush-location", o.Location}
	if o.PublicAddress != "" {
		argv = append(argv, "--public-addr", o.PublicAddress)
	}
	return o.Machine.Become(append(argv, o.Args...)...)
}

func (o OSD) reservation() (handover.Reservation, error) {
	data, err := readKeys(o.SecretDir)
	if err != nil {
		return handover.Reservation{}, err
	}
	r, err := handover.DecodeReservation(data)
	if err == nil && r.ID != o.ID {
		err = fmt.Errorf("the reservation is of osd.%d", r.ID)
	}
	return r, err
}

func (o OSD) id() string { return strconv.Itoa(int(o.ID)) }

func (o OSD) directory() string { return filepath.Join(o.Dir, "ceph-"+o.id()) }

// prepare returns the OSD's devices with a finished BlueStore on them: that which is there, or one that it makes.
func (o OSD) prepare(ctx context.Context, r handover.Reservation) (devices, error) {
	opened, err := o.open(ctx, r)
	if err != nil {
		return devices{}, err
	}
	state, err := o.judge(ctx, r, opened)
	// Closed before ceph-osd runs, which opens its devices exclusively itself.
	opened.close()
	if err != nil || state == stateReady {
		return opened.devices, err
	}
	if err := o.mkfs(ctx, r, opened.devices); err != nil {
		return devices{}, err
	}
	return opened.devices, o.verify(ctx, r)
}

// verify looks at the devices after mkfs as the next start would.
func (o OSD) verify(ctx context.Context, r handover.Reservation) error {
	opened, err := o.open(ctx, r)
	if err != nil {
		return err
	}
	defer opened.close()
	state, err := o.judge(ctx, r, opened)
	if err == nil && state != stateReady {
		err = fmt.Errorf("ceph-osd --mkfs left the disk %s", state)
	}
	return err
}

// mkfs makes the OSD's BlueStore, or goes on where an earlier one was interrupted. The key goes to its standard input,
// where no list of processes shows it, and from there into the label of the disk.
func (o OSD) mkfs(ctx context.Context, r handover.Reservation, d devices) error {
	if err := o.linkDevices(d); err != nil {
		return err
	}
	if err := o.identify(r); err != nil {
		return err
	}
	// In the foreground: else it forks into a session of its own, and outlives whoever is killed for it.
	argv := []string{"ceph-osd", "--mkfs", "-f", "--no-mon-config", "-i", o.id(), "--osd-data", o.directory(),
		"--osd-uuid", r.UUID, "--osd-objectstore", "bluestore", "--keyfile", "-"}
	if err := o.Machine.Run(ctx, []byte(r.Key.Reveal()+"\n"), append(argv, o.Args...)...); err != nil {
		return fmt.Errorf("make the BlueStore of osd.%d: %w", o.ID, err)
	}
	return nil
}

// linkDevices empties the OSD's directory and points it to its devices. mkfs refuses a directory with the files of
// another OSD.
func (o OSD) linkDevices(d devices) error {
	if err := clear(o.directory()); err != nil {
		return err
	}
	for link, device := range map[string]string{"block": d.data.Path, "block.db": d.db.Path} {
		if device == "" {
			continue
		}
		if err := os.Symlink(device, filepath.Join(o.directory(), link)); err != nil {
			return fmt.Errorf("link the device: %w", err)
		}
	}
	return nil
}

// identify writes the two facts that ceph-osd keeps in the OSD's directory and not in the label. An mkfs that was killed
// after BlueStore was made (label key mkfs_done) and before the OSD was (label key ready) goes on with a check of the
// BlueStore, which does not open without them: "failed to load os-type".
func (o OSD) identify(r handover.Reservation) error {
	for name, value := range map[string]string{"type": "bluestore", "fsid": r.UUID} {
		if err := os.WriteFile(filepath.Join(o.directory(), name), []byte(value+"\n"), 0o600); err != nil {
			return fmt.Errorf("write the OSD's %s: %w", name, err)
		}
	}
	return nil
}

// makeDirectory makes the OSD's directory from the label of its disk alone: an OSD keeps nothing on its node.
func (o OSD) makeDirectory(ctx context.Context, r handover.Reservation, d devices) error {
	if err := clear(o.directory()); err != nil {
		return err
	}
	err := o.Machine.Run(ctx, nil, "ceph-bluestore-tool", "prime-osd-dir", "--dev", d.data.Path, "--path", o.directory(), "--no-mon-config")
	if err != nil {
		return fmt.Errorf("make the directory of osd.%d: %w", r.ID, err)
	}
	return o.completeDirectory(d)
}

// completeDirectory adds what is not in the label: today's paths of the devices, and the device class, which the OSD
// takes from a file and gives itself when it has none yet.
func (o OSD) completeDirectory(d devices) error {
	for link, device := range map[string]string{"block": d.data.Path, "block.db": d.db.Path} {
		if device == "" {
			continue
		}
		link = filepath.Join(o.directory(), link)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("link the device: %w", err)
		}
		if err := os.Symlink(device, link); err != nil {
			return fmt.Errorf("link the device: %w", err)
		}
	}
	if o.DeviceClass == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(o.directory(), "crush_device_class"), []byte(o.DeviceClass+"\n"), 0o600)
}
