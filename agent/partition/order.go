package partition

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// Order is what a disk's table is to have.
type Order struct {
	// Table is the GUID of the table.
	Table uuid.UUID
	// Slices that are to be there. Their numbers do not matter.
	Slices []gpt.Partition
}

// OrderOf reads a request.
func OrderOf(r v1alpha1.DiskRequest) (Order, error) {
	table, err := uuid.Parse(r.Table)
	if err != nil || table == uuid.Nil {
		return Order{}, fmt.Errorf("the table %q: %w", r.Table, err)
	}
	order := Order{Table: table}
	for _, s := range r.Slices {
		id, err := uuid.Parse(s.UUID)
		if err != nil || id == uuid.Nil {
			return Order{}, fmt.Errorf("the slice %q: %w", s.UUID, err)
		}
		order.Slices = append(order.Slices, gpt.Partition{
			Type: gpt.SliceType, UUID: id, Name: fmt.Sprintf("osd.%d %s", s.OSD, strings.ToLower(string(s.Role))),
			Offset: s.Offset, Size: s.Size,
		})
	}
	return order, nil
}
