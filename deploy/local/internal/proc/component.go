package proc

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec says how a component is run.
type Spec struct {
	// Name is what people call it: "apiserver", "etcd".
	Name string
	// Path is the executable; Args are its arguments without argv[0].
	Path string
	Args []string
	// Env is appended to a minimal environment (PATH, HOME).
	Env []string
	// Log is the file that standard output and error are appended to.
	Log string
	// Attr holds namespaces and the like; may be nil.
	Attr *syscall.SysProcAttr
}

// Component is one program under supervision.
type Component struct {
	Spec Spec

	mu     sync.Mutex
	cmd    *exec.Cmd
	id     ID
	exited chan struct{}
	// wanted is false once Stop was called, so that an exit is no surprise.
	wanted bool
}

// ID returns the identity of the running process.
func (c *Component) ID() ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Start starts the program. onExit is called, once, when it ends without
// having been asked to.
func (c *Component) Start(onExit func(error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := os.OpenFile(c.Spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.Spec.Path, c.Spec.Args...)
	cmd.Args[0] = c.Spec.Path
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, c.Spec.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	if c.Spec.Attr != nil {
		attr := *c.Spec.Attr
		cmd.SysProcAttr = &attr
	}
	if err := Start(cmd); err != nil {
		return fmt.Errorf("%s does not start: %w", c.Spec.Name, err)
	}
	c.id, _ = Identify(cmd.Process.Pid)
	c.id.PID = cmd.Process.Pid
	c.cmd, c.exited, c.wanted = cmd, make(chan struct{}), true
	go c.wait(cmd, c.exited, onExit)
	return nil
}

func (c *Component) wait(cmd *exec.Cmd, exited chan struct{}, onExit func(error)) {
	err := cmd.Wait()
	close(exited)
	c.mu.Lock()
	surprise := c.wanted && c.cmd == cmd
	c.mu.Unlock()
	if surprise && onExit != nil {
		if err == nil {
			err = fmt.Errorf("exit status 0")
		}
		onExit(err)
	}
}

// Revive starts the program again unless it runs or was meant to stop.
func (c *Component) Revive(onExit func(error)) error {
	c.mu.Lock()
	wanted := c.wanted
	if wanted {
		select {
		case <-c.exited:
		default:
			wanted = false
		}
	}
	c.mu.Unlock()
	if !wanted {
		return nil
	}
	return c.Start(onExit)
}

// Stop asks the program to end, kills its process group after grace, and
// returns when it is gone.
func (c *Component) Stop(grace time.Duration) {
	c.mu.Lock()
	c.wanted = false
	cmd, exited := c.cmd, c.exited
	c.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-exited:
	case <-time.After(grace):
		// Not yet waited for, so the group's number still belongs to it.
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		<-exited
	}
}
