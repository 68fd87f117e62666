// Package instance knows where a named local cluster keeps its files, what it
// tells others about itself, and which ports and addresses it may use.
package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Instance is one named local cluster on this machine.
type Instance struct {
	// Name is what people call it.
	Name string
	// Home holds the lock and the record of where Data is.
	Home string
	// Data holds everything else.
	Data string
}

// Names go into folder, node and interface names.
var nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// marker tells a folder that an earlier run filled, and may be emptied, from
// one that holds somebody's own files.
const marker = ".localkube"

// Root is the folder that holds every instance's Home.
func Root() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "rustfs-operator", "localkube"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cluster's state: %w; set XDG_STATE_HOME", err)
	}
	return filepath.Join(home, ".local", "state", "rustfs-operator", "localkube"), nil
}

// Open finds the instance called name. data may be empty: then it is where an
// earlier run put it, or else the instance's home.
func Open(name, data string) (*Instance, error) {
	if !nameRule.MatchString(name) {
		return nil, fmt.Errorf("%q cannot name a cluster: use up to 40 of a-z, 0-9 and -, not - at an end", name)
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	i := &Instance{Name: name, Home: filepath.Join(root, name)}
	if data == "" {
		i.Data = i.Home
		if text, err := os.ReadFile(i.recordPath()); err == nil {
			i.Data = string(text)
		}
		return i, nil
	}
	i.Data, err = filepath.Abs(data)
	return i, err
}

// All opens every instance that ever ran under this user's state folder.
func All() ([]*Instance, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*Instance
	for _, entry := range entries {
		if i, err := Open(entry.Name(), ""); err == nil && entry.IsDir() {
			all = append(all, i)
		}
	}
	return all, nil
}

func (i *Instance) recordPath() string { return filepath.Join(i.Home, "data-dir") }

// Path joins a path to the data folder.
func (i *Instance) Path(parts ...string) string {
	return filepath.Join(append([]string{i.Data}, parts...)...)
}

// LockPath is the file that the instance's supervisor holds locked.
func (i *Instance) LockPath() string { return filepath.Join(i.Home, "lock") }

// SupervisorLog is where a detached supervisor writes; the start clears Data.
func (i *Instance) SupervisorLog() string { return filepath.Join(i.Home, "supervisor.log") }

// LogPath is where a component's output goes.
func (i *Instance) LogPath(component string) string {
	return i.Path("logs", component+".log")
}

// Short is a short name for what has little room: interfaces, socket folders.
func (i *Instance) Short() string {
	sum := sha256.Sum256([]byte(i.Data))
	return "lk-" + hex.EncodeToString(sum[:])[:8]
}

// RunDir is a folder with a short path for sockets, whose paths may not be
// longer than 107 bytes.
func (i *Instance) RunDir() string {
	if os.Getuid() == 0 {
		return filepath.Join("/run", i.Short())
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, i.Short())
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", i.Short(), os.Getuid()))
}

// Prepare empties the data folder of an earlier run and creates its parts.
// It refuses a folder that holds files which no earlier run put there.
func (i *Instance) Prepare() error {
	if err := os.MkdirAll(i.Data, 0o755); err != nil {
		return err
	}
	if err := i.checkOwned(); err != nil {
		return err
	}
	if err := i.Empty(false); err != nil {
		return err
	}
	if err := os.WriteFile(i.Path(marker), []byte("This folder belongs to localkube, which empties it.\n"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(i.recordPath(), []byte(i.Data), 0o644); err != nil {
		return err
	}
	for _, part := range []string{"logs", "bin", "config", "volumes"} {
		if err := os.MkdirAll(i.Path(part), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(i.Path("pki"), 0o700); err != nil {
		return err
	}
	_ = os.RemoveAll(i.RunDir())
	return os.Mkdir(i.RunDir(), 0o700)
}

func (i *Instance) checkOwned() error {
	if i.Data == i.Home {
		return nil
	}
	if _, err := os.Stat(i.Path(marker)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(i.Data)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s holds files that localkube did not put there: give --data-dir an empty folder", i.Data)
	}
	return nil
}

// Empty removes what a run left, sockets too. Logs stay for reading when
// keepLogs is set; the lock and the record stay always.
func (i *Instance) Empty(keepLogs bool) error {
	entries, err := os.ReadDir(i.Data)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := i.checkOwned(); err != nil {
		return err
	}
	keep := map[string]bool{filepath.Base(i.LockPath()): true, filepath.Base(i.recordPath()): true,
		filepath.Base(i.SupervisorLog()): true, marker: true, "logs": keepLogs}
	for _, entry := range entries {
		if keep[entry.Name()] {
			continue
		}
		if err := os.RemoveAll(i.Path(entry.Name())); err != nil {
			return fmt.Errorf("cannot remove what an earlier run left: %w", err)
		}
	}
	return os.RemoveAll(i.RunDir())
}
