package proc

import (
	"os/exec"
	"runtime"
	"syscall"
)

// starts feeds the one thread that starts children. The kernel delivers a
// parent-death signal when the starting *thread* ends, and Go ends threads as
// it pleases, so all children are started from a thread that never does.
var starts = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
}

// Start starts cmd in a process group of its own, to be killed by the kernel
// when this process ends in whatever way.
func Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	result := make(chan error)
	starts <- func() { result <- cmd.Start() }
	return <-result
}
