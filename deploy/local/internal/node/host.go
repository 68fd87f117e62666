package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"localkube/internal/instance"
)

// record is what the node changes on the machine. It is written before the
// first change, so that whoever comes after a crash can undo all of it.
type record struct {
	Bridge string `json:"bridge"`
	Cgroup string `json:"cgroup"`
	// Folders were made to be covered, and are removed if they are empty.
	Folders []string `json:"folders"`
	// Forwarding is the machine's setting before.
	Forwarding string `json:"forwarding"`
}

const forwardingPath = "/proc/sys/net/ipv4/ip_forward"

func recordPath(inst *instance.Instance) string { return inst.Path("node.json") }

// Recorded says whether a node of the instance changed the machine and nobody
// has undone it.
func Recorded(inst *instance.Instance) bool {
	_, err := os.Stat(recordPath(inst))
	return err == nil
}

func (n *Node) cgroup() string { return "/" + n.inst.Short() }

// SetUp makes the bridge, control groups and folders.
func (n *Node) SetUp() error {
	if exec.Command("nft", "list", "table", "ip", "kube-proxy").Run() == nil {
		return errors.New("the rules of another kube-proxy are on this machine: a real node has no place beside it. " +
			"If no kube-proxy runs (pgrep kube-proxy), they are left over: nft delete table ip kube-proxy; nft delete table ip6 kube-proxy")
	}
	before, err := os.ReadFile(forwardingPath)
	if err != nil {
		return err
	}
	r := record{Bridge: n.Bridge, Cgroup: n.cgroup(), Forwarding: strings.TrimSpace(string(before))}
	for _, dir := range covered {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			r.Folders = append(r.Folders, dir)
		}
	}
	if err := writeJSON(recordPath(n.inst), r); err != nil {
		return err
	}
	for _, dir := range r.Folders {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := makeCgroups(n.cgroup()); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "add", n.Bridge, "type", "bridge"},
		{"addr", "add", n.IP + "/24", "dev", n.Bridge},
		{"link", "set", n.Bridge, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return os.WriteFile(forwardingPath, []byte("1\n"), 0o644)
}

// Clean undoes what a node of this instance did to the machine. It does
// nothing where there is no record. The node's processes must have ended.
func Clean(inst *instance.Instance) error {
	var r record
	err := readJSON(recordPath(inst), &r)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the record of what the node changed is damaged: %w", err)
	}
	if err := removeCgroups(r.Cgroup); err != nil {
		return err
	}
	if _, err := os.Stat("/sys/class/net/" + r.Bridge); err == nil {
		if out, err := exec.Command("ip", "link", "del", r.Bridge).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot remove the bridge %s: %w: %s", r.Bridge, err, out)
		}
	}
	for _, family := range []string{"ip", "ip6"} {
		_ = exec.Command("nft", "delete", "table", family, "kube-proxy").Run()
	}
	if r.Forwarding != "" {
		_ = os.WriteFile(forwardingPath, []byte(r.Forwarding+"\n"), 0o644)
	}
	for _, dir := range r.Folders {
		// Fails, rightly, if somebody else uses it by now.
		_ = os.Remove(dir)
	}
	return os.Remove(recordPath(inst))
}

// hierarchies are the folders that control groups are made in: one on a
// machine with version 2 only, many with version 1.
func hierarchies() []string {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return []string{root}
	}
	found, _ := filepath.Glob(filepath.Join(root, "*", "cgroup.procs"))
	dirs := make([]string, len(found))
	for i, path := range found {
		dirs[i] = filepath.Dir(path)
	}
	return dirs
}

// makeCgroups makes the group that the kubelet works in; it demands that it exists.
func makeCgroups(name string) error {
	for _, dir := range hierarchies() {
		group := filepath.Join(dir, name)
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("cannot make a control group: %w", err)
		}
		// A new cpuset group is empty, and takes no process like that.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
				_ = os.WriteFile(filepath.Join(group, file), text, 0o644)
			}
		}
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu +cpuset +io +memory +pids"), 0o644)
	}
	return nil
}

// removeCgroups removes the groups once the last process has left them.
func removeCgroups(name string) error {
	if len(name) < 2 {
		return nil
	}
	var err error
	for range 50 {
		err = nil
		for _, dir := range hierarchies() {
			if failed := removeTree(filepath.Join(dir, name)); failed != nil {
				err = failed
			}
		}
		if err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("cannot remove a control group: %w", err)
}

// removeTree removes a group and those in it, deepest first.
func removeTree(group string) error {
	var dirs []string
	_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	sort.Sort(sort.Reverse(sort.StringSlice(dirs)))
	for _, dir := range dirs {
		if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
	return nil
}
