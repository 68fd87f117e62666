package cluster

import (
	"errors"
	"fmt"
	"os"
	"time"

	"localkube/internal/build"
	"localkube/internal/instance"
	"localkube/internal/node"
)

// Down ends an instance and removes what it left, also after a crash. It
// reports whether the instance was running.
func Down(inst *instance.Instance) (wasRunning bool, err error) {
	state, err := inst.Running()
	if err == nil {
		wasRunning = true
		// The supervisor ends its components and cleans up by itself.
		if !state.Supervisor().End(30 * time.Second) {
			return true, fmt.Errorf("the supervisor of %q, process %d, does not end", inst.Name, state.PID)
		}
	}
	if _, err := os.Stat(inst.Home); os.IsNotExist(err) {
		return false, nil
	}
	lock, err := build.TryLock(inst.LockPath())
	if errors.Is(err, build.ErrLocked) {
		return wasRunning, fmt.Errorf("the cluster %q is being started or ended by another process", inst.Name)
	}
	if err != nil {
		return wasRunning, err
	}
	defer lock.Close()
	return wasRunning, clean(inst, true)
}

// clean removes what a run left. The caller holds the instance's lock, so
// whatever is still there belongs to a run that has ended.
func clean(inst *instance.Instance, keepLogs bool) error {
	state, err := inst.ReadState()
	if err == nil {
		// The kernel kills components with their parent; one that is just
		// dying is waited for.
		for _, component := range state.Components {
			component.ID.End(time.Second)
		}
	}
	if err := node.Clean(inst); err != nil {
		return err
	}
	return inst.Empty(keepLogs)
}
