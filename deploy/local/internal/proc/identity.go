// Package proc starts child processes that cannot outlive their parent and
// recognises processes again by process id and start time.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ID identifies one process for as long as the machine runs. A process id
// alone is reused by the kernel, so a number in a file says nothing.
type ID struct {
	// PID is the process id.
	PID int `json:"pid"`
	// Start is the start time in clock ticks since boot (proc(5), stat, field 22).
	Start uint64 `json:"startTime"`
}

// Identify returns the identity of the process that has pid now.
func Identify(pid int) (ID, error) {
	start, state, err := stat(pid)
	if err != nil {
		return ID{}, err
	}
	if state == 'Z' || state == 'X' {
		return ID{}, fmt.Errorf("process %d has ended", pid)
	}
	return ID{PID: pid, Start: start}, nil
}

// Self returns the identity of the calling process.
func Self() ID {
	id, err := Identify(os.Getpid())
	if err != nil {
		return ID{PID: os.Getpid()}
	}
	return id
}

// Alive says whether this very process still runs; a zombie does not.
func (id ID) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	now, err := Identify(id.PID)
	return err == nil && now.Start == id.Start
}

// Signal sends a signal to this very process, never to one that was given the
// same number later: the descriptor is opened first and the start time checked after.
func (id ID) Signal(signal unix.Signal) error {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !id.Alive() {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, signal, nil, 0)
}

// End asks the process to stop and kills it when it still runs after grace.
// It reports whether the process is gone.
func (id ID) End(grace time.Duration) bool {
	if id.Signal(unix.SIGTERM) == nil && !id.waitGone(grace) {
		_ = id.Signal(unix.SIGKILL)
	}
	return id.waitGone(5 * time.Second)
}

func (id ID) waitGone(limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if !id.Alive() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// stat reads start time and state. The command's name stands in parentheses
// and may itself hold spaces and parentheses, so fields count from the last one.
func stat(pid int) (start uint64, state byte, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseStat(text)
}

func parseStat(text []byte) (start uint64, state byte, err error) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("unreadable process status %q", text)
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("process status has only %d fields", len(fields))
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return start, fields[0][0], err
}
