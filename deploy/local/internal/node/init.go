package node

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// InitCommand is the hidden localkube command that runs Init.
const InitCommand = "node-init"

// program is one of the node's programs.
type program struct {
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args"`
	Env  []string `json:"env,omitempty"`
	Log  string   `json:"log"`
}

// initPlan is what the node's first process is told.
type initPlan struct {
	Programs []program `json:"programs"`
	// Pids is the file that the running programs' numbers, as seen inside,
	// are written to.
	Pids string `json:"pids"`
	// Cover are folders that get an empty file system of the node's own.
	Cover []string `json:"cover"`
}

// covered are folders that containerd, the network plugins and the kubelet
// use wherever their data is configured to be. Covering them keeps the node
// away from another container engine's, and leaves nothing behind.
var covered = []string{
	"/run/netns", "/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers",
}

// Init is the node's first process: it sets up its mounts, starts the
// programs, starts again what ends, and reaps what containers leave to it.
func Init(planPath string) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("this is for localkube's own use: start a node with localkube up --real-node")
	}
	var plan initPlan
	if err := readJSON(planPath, &plan); err != nil {
		return err
	}
	if err := setUpMounts(plan.Cover); err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	k := &keeper{plan: plan, running: map[int]program{}}
	for _, p := range plan.Programs {
		if err := k.start(p); err != nil {
			return err
		}
	}
	go k.reap()
	// All the others end with this process.
	<-ended
	return nil
}

func setUpMounts(cover []string) error {
	// First nothing may flow back to the machine; then, among the node's own
	// namespaces, mounts flow as the kubelet expects.
	for _, mode := range []uintptr{unix.MS_PRIVATE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", mode|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("cannot separate the node's mounts: %w", err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount the node's /proc: %w", err)
	}
	for _, dir := range cover {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("cannot cover %s: %w", dir, err)
		}
	}
	return nil
}

// keeper keeps the programs running.
type keeper struct {
	plan initPlan

	mu      sync.Mutex
	running map[int]program
}

func (k *keeper) start(p program) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	// Not os/exec: its waiting would race with the reaping of everything.
	pid, err := syscall.ForkExec(p.Path, append([]string{filepath.Base(p.Path)}, p.Args...), &syscall.ProcAttr{
		Dir: "/", Env: append(os.Environ(), p.Env...),
		Files: []uintptr{0, log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return fmt.Errorf("%s does not start: %w", p.Name, err)
	}
	k.running[pid] = p
	return k.writePids()
}

func (k *keeper) writePids() error {
	pids := map[string]int{}
	for pid, p := range k.running {
		pids[p.Name] = pid
	}
	return writeJSON(k.plan.Pids, pids)
}

// reap waits for every child, its own and those that were left to it.
func (k *keeper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		k.mu.Lock()
		p, ours := k.running[pid]
		delete(k.running, pid)
		k.mu.Unlock()
		if !ours {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s %s ended (status %#x), starting it again\n", time.Now().Format(time.RFC3339), p.Name, int(status))
		time.AfterFunc(time.Second, func() {
			if err := k.start(p); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}
