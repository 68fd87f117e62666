package node

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// Disks makes file systems of a given size, in memory. They are mounted where
// the node sees its mounts and nowhere else, so they end with the node.
type Disks struct {
	// First gives the number of the node's first process.
	First func() int
}

// Make mounts an empty file system on the folder. The size is a quantity with
// a binary suffix, as 512Mi.
func (d Disks) Make(ctx context.Context, folder, size string) error {
	return d.inNode(ctx, "mount", "-t", "tmpfs", "-o", "mode=0777,size="+mountSize(size), "tmpfs", folder)
}

// Resize gives the file system on the folder another size.
func (d Disks) Resize(ctx context.Context, folder, size string) error {
	return d.inNode(ctx, "mount", "-o", "remount,size="+mountSize(size), folder)
}

// Remove unmounts what is on the folder, if anything is.
func (d Disks) Remove(ctx context.Context, folder string) error {
	if d.inNode(ctx, "mountpoint", "--quiet", folder) != nil {
		return nil
	}
	return d.inNode(ctx, "umount", folder)
}

func (d Disks) inNode(ctx context.Context, command ...string) error {
	args := append([]string{"--mount", "--target", strconv.Itoa(d.First()), "--"}, command...)
	if out, err := exec.CommandContext(ctx, "nsenter", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mountSize is a quantity as mount(8) reads it: its suffixes are binary too.
func mountSize(quantity string) string { return strings.TrimSuffix(quantity, "i") }
