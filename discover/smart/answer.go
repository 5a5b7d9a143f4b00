package smart

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/seamount-dev/seamount/discover/disk"
)

// answer is what is used of smartctl's JSON. Pointers are absent where the disk does not report.
type answer struct {
	Smartctl struct {
		ExitStatus int `json:"exit_status"`
	} `json:"smartctl"`
	Status *struct {
		Passed *bool `json:"passed"`
	} `json:"smart_status"`
	Attributes struct {
		Table []attribute `json:"table"`
	} `json:"ata_smart_attributes"`
	NVMe *struct {
		CriticalWarning uint64 `json:"critical_warning"`
		PercentageUsed  uint64 `json:"percentage_used"`
		MediaErrors     uint64 `json:"media_errors"`
	} `json:"nvme_smart_health_information_log"`
	SCSIErrors map[string]struct {
		Uncorrected uint64 `json:"total_uncorrected_errors"`
	} `json:"scsi_error_counter_log"`
	SCSIUsed  uint64 `json:"scsi_percentage_used_endurance_indicator"`
	Endurance struct {
		Percent uint64 `json:"current_percent"`
	} `json:"endurance_used"`
}

type attribute struct {
	ID  int `json:"id"`
	Raw struct {
		Value uint64 `json:"value"`
	} `json:"raw"`
}

// notAsked are the bits of the exit status that mean that the disk was not asked: bad arguments, and could not open.
const notAsked = 1 | 2

// lostSectors are the ATA attributes that count sectors whose content is lost: reported uncorrectable, pending, and
// uncorrectable when offline.
var lostSectors = map[int]bool{187: true, 197: true, 198: true}

// Parse reads the answer of smartctl -j. A disk that gives no verdict on itself reports nothing.
func Parse(out []byte) (disk.Health, error) {
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return disk.Health{}, fmt.Errorf("answer of smartctl: %w", err)
	}
	if a.Smartctl.ExitStatus&notAsked != 0 {
		return disk.Health{}, nil
	}
	judged := a.Status != nil && a.Status.Passed != nil
	if !judged && a.NVMe == nil {
		return disk.Health{}, nil
	}
	health := disk.Health{Reported: true, Source: "SMART", Failing: judged && !*a.Status.Passed}
	if a.NVMe != nil {
		health.Source = "NVMe"
		health.Failing = health.Failing || a.NVMe.CriticalWarning != 0
	}
	health.MediaErrors, health.PercentUsed = a.mediaErrors(), a.percentUsed()
	return health, nil
}

func (a answer) mediaErrors() uint64 {
	var sum uint64
	for _, attribute := range a.Attributes.Table {
		if lostSectors[attribute.ID] {
			sum = add(sum, attribute.Raw.Value)
		}
	}
	for _, direction := range a.SCSIErrors {
		sum = add(sum, direction.Uncorrected)
	}
	if a.NVMe != nil {
		sum = add(sum, a.NVMe.MediaErrors)
	}
	return sum
}

// add stays at the end of the range: counters of a broken disk may be anything.
func add(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// percentUsed is more than 100 for flash that outlived its rating.
func (a answer) percentUsed() int32 {
	used := max(a.SCSIUsed, a.Endurance.Percent)
	if a.NVMe != nil {
		used = max(used, a.NVMe.PercentageUsed)
	}
	return int32(min(used, math.MaxInt32))
}
