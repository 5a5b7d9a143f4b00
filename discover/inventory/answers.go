package inventory

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

// Answers keeps what devices were asked. Most of sysfs is the kernel's memory, but virtio passes the question for a serial
// number on to the device, and waits for ever for one whose host does not answer. Its zero value is empty.
type Answers struct {
	mu     sync.Mutex
	known  map[attachment]string
	asking map[attachment]bool
}

// attachment of a device: another one at the same place has another sequence number.
type attachment struct {
	boot     string
	sequence uint64
	number   disk.Number
}

// patience is how long a device has to answer. Others wait for it once: a device that is still being asked is not asked again.
const patience = 2 * time.Second

var errSilent = errors.New("the device does not answer")

// of returns the answer to a question that is asked once for each attachment.
func (a *Answers) of(key attachment, question func() (string, error)) (string, error) {
	a.mu.Lock()
	answer, known := a.known[key]
	asking := a.asking[key]
	if !known && !asking {
		a.start(key)
	}
	a.mu.Unlock()
	switch {
	case known:
		return answer, nil
	case asking:
		return "", errSilent
	}
	return a.wait(key, question)
}

func (a *Answers) start(key attachment) {
	if a.asking == nil {
		a.asking, a.known = map[attachment]bool{}, map[attachment]string{}
	}
	a.asking[key] = true
}

func (a *Answers) wait(key attachment, question func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	answered := make(chan result, 1)
	go func() {
		text, err := question()
		a.finish(key, text, err)
		answered <- result{text, err}
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case r := <-answered:
		return r.text, r.err
	case <-timeout.C:
		return "", fmt.Errorf("%w within %s", errSilent, patience)
	}
}

func (a *Answers) finish(key attachment, text string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.asking, key)
	if err == nil && key.sequence != 0 {
		a.known[key] = text
	}
}

// ask returns the serial number that the driver of d asks it for.
func (s *scan) ask(d *device) string {
	text, err := s.answers.of(attachment{s.bootID, s.sequence(d), d.number}, func() (string, error) {
		text, err := s.tree.text(d.dir + "/serial")
		if err != nil && unsaid(err) {
			return "", nil
		}
		return text, err
	})
	if err != nil {
		d.lacks(identity.FactSerial, err)
	}
	return printable(text)
}
