package command

import (
	"context"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Devices = (*Admin)(nil)

func listDevices() Request { return Request{Op: "device ls", Target: Mgr()} }

type deviceAnswer []struct {
	ID        *string   `json:"devid"`
	Daemons   *[]string `json:"daemons"`
	Locations *[]struct {
		Host *string `json:"host"`
		Name *string `json:"dev"`
		Path string  `json:"path"`
	} `json:"location"`
}

func (l deviceAnswer) devices() []ceph.Device {
	var out []ceph.Device
	for _, d := range l {
		dev := ceph.Device{ID: *d.ID, Daemons: slices.Sorted(slices.Values(*d.Daemons))}
		for _, at := range *d.Locations {
			dev.Locations = append(dev.Locations, ceph.DeviceLocation{Host: *at.Host, Name: *at.Name, Path: at.Path})
		}
		out = append(out, dev)
	}
	slices.SortFunc(out, func(a, b ceph.Device) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Devices lists all known devices, sorted by id. Ceph knows those whose vendor,
// model or serial number udev could tell a daemon.
func (a *Admin) Devices(ctx context.Context) ([]ceph.Device, error) {
	answer, err := ask[deviceAnswer](ctx, a, listDevices())
	if err != nil {
		return nil, err
	}
	return answer.devices(), nil
}
