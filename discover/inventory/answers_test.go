package inventory

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seamount-dev/seamount/discover/disk"
)

// A device that does not answer is waited for once, is not asked again while it is silent, and is heard when it answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers, asked := &Answers{}, 0
		hang := make(chan struct{})
		ask := func(sequence uint64) (string, error) {
			return answers.of(attachment{"boot", sequence, disk.Number{Major: 254}}, func() (string, error) {
				asked++
				<-hang
				return "data-1", nil
			})
		}
		for range 3 {
			if serial, err := ask(1); serial != "" || !errors.Is(err, errSilent) {
				t.Errorf("got %q, %v", serial, err)
			}
		}
		close(hang)
		synctest.Wait()
		for range 2 {
			if serial, err := ask(1); serial != "data-1" || err != nil {
				t.Errorf("got %q, %v", serial, err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		if _, err := ask(2); err != nil || asked != 2 {
			t.Errorf("another disk at the same place: %v, asked %d times", err, asked)
		}
	})
}

// What failed is asked again, and so is a device that the kernel gives no sequence number.
func TestAnswersAgain(t *testing.T) {
	t.Parallel()
	answers, asked := &Answers{}, 0
	for sequence, err := range map[uint64]error{0: nil, 7: errors.New("input/output error")} {
		for range 2 {
			_, got := answers.of(attachment{"boot", sequence, disk.Number{}}, func() (string, error) { asked++; return "", err })
			if !errors.Is(got, err) {
				t.Error(got)
			}
		}
	}
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
}
