package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"localkube/internal/proc"
)

// Ensure builds those of the named components that the cache does not hold
// and returns the folder of each by name. It runs nothing when all are there.
func Ensure(ctx context.Context, place Place, names []string, out io.Writer) (map[string]string, error) {
	dirs := map[string]string{}
	var missing []Component
	var expect time.Duration
	for _, name := range names {
		c, err := Find(name)
		if err != nil {
			return nil, err
		}
		dir, built, err := place.Cached(c)
		if err != nil {
			return nil, err
		}
		dirs[name] = dir
		if !built {
			missing = append(missing, c)
			expect += c.Expect
		}
	}
	if len(missing) == 0 {
		return dirs, nil
	}
	announce(out, missing, expect)
	for number, c := range missing {
		label := fmt.Sprintf("[%d/%d] %s", number+1, len(missing), c.Name)
		if err := ensureOne(ctx, place, c, label, out); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

func announce(out io.Writer, missing []Component, expect time.Duration) {
	var names []string
	for _, c := range missing {
		names = append(names, c.Name)
	}
	fmt.Fprintf(out, "building %s from source, once: about %s on two cores with nothing cached\n",
		strings.Join(names, ", "), (expect + expect/4).Round(time.Minute/2))
}

// ensureOne builds one component under its lock. Another process may have
// built it while this one waited.
func ensureOne(ctx context.Context, place Place, c Component, label string, out io.Writer) error {
	if err := os.MkdirAll(place.Cache, 0o755); err != nil {
		return err
	}
	lock, err := Lock(ctx, filepath.Join(place.Cache, "."+c.Name+".lock"), func() {
		fmt.Fprintf(out, "%s: another build is running, waiting for it\n", label)
	})
	if err != nil {
		return err
	}
	defer lock.Close()
	dir, built, err := place.Cached(c)
	if err != nil || built {
		return err
	}
	// Whoever left such a folder held this lock and has died.
	stale, _ := filepath.Glob(filepath.Join(place.Cache, ".new-"+c.Name+"-*"))
	for _, folder := range stale {
		_ = os.RemoveAll(folder)
	}
	fresh, err := os.MkdirTemp(place.Cache, ".new-"+c.Name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := compile(ctx, filepath.Join(place.Source, c.Name), fresh, c, label, out); err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	_ = os.RemoveAll(dir)
	return os.Rename(fresh, dir)
}

func compile(ctx context.Context, source, target string, c Component, label string, out io.Writer) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("%s has to be built, but there is no go command: install Go 1.26 or newer and put it on PATH", c.Name)
	}
	cmd := exec.CommandContext(ctx, goTool, append(c.arguments(), "-o", filepath.Join(target, c.Name), c.Package)...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	show := newProgress(out, label)
	cmd.Stderr = show
	if err := proc.Start(cmd); err != nil {
		return err
	}
	// Colleagues and the tests themselves share the machine.
	_ = unix.Setpriority(unix.PRIO_PGRP, cmd.Process.Pid, 10)
	err = cmd.Wait()
	show.finish(err == nil)
	if ctx.Err() != nil {
		return fmt.Errorf("the build of %s was interrupted; the next one goes on from Go's own cache", c.Name)
	}
	if err != nil {
		return fmt.Errorf("%s does not build (%v):\n%s", c.Name, err, show.tail())
	}
	return addBeside(goTool, source, target, c)
}

// addBeside puts links and copied folders beside a new executable.
func addBeside(goTool, source, target string, c Component) error {
	for _, link := range c.Links {
		if err := os.Symlink(c.Name, filepath.Join(target, link)); err != nil {
			return err
		}
	}
	if c.CopyModule == "" {
		return nil
	}
	cmd := exec.Command(goTool, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", c.CopyModule)
	cmd.Dir = source
	module, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the module %s is not in Go's cache: %w", c.CopyModule, err)
	}
	folder := filepath.Join(strings.TrimSpace(string(module)), c.CopyFolder)
	return os.CopyFS(filepath.Join(target, filepath.Base(c.CopyFolder)), os.DirFS(folder))
}
