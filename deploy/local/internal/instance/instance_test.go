package instance

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"localkube/internal/proc"
)

func open(t *testing.T, name, data string) *Instance {
	t.Helper()
	i, err := Open(name, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(i.Home, 0o755); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestEveryRangeIsTriedOnceAndAllLieWithinBounds(t *testing.T) {
	seen := map[int]bool{}
	for _, n := range rangeOrder("default") {
		if n < firstRange || n > lastRange || seen[n] {
			t.Fatalf("%d is out of bounds or repeated", n)
		}
		seen[n] = true
	}
	if len(seen) != lastRange-firstRange+1 {
		t.Fatalf("only %d ranges", len(seen))
	}
}

func TestLiveInstancesShareNeitherRangeNorPort(t *testing.T) {
	var one, two Claims
	defer one.Release()
	defer two.Release()
	a, errA := one.Range("same-name")
	b, errB := two.Range("same-name")
	if errA != nil || errB != nil || a == b {
		t.Fatalf("ranges %d and %d, errors %v %v", a, b, errA, errB)
	}
	one.Release()
	var three Claims
	defer three.Release()
	if again, err := three.Range("same-name"); err != nil || again != a {
		t.Fatalf("a range that was given up should be taken again: %d, not %d (%v)", again, a, err)
	}
	port, err := two.Port()
	if err != nil || three.Take("port/"+strconv.Itoa(port)) {
		t.Fatal(err)
	}
}

func TestAFolderWithOtherFilesIsRefusedAndLeftAlone(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	data := t.TempDir()
	precious := filepath.Join(data, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	i := open(t, "a", data)
	if err := i.Prepare(); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Fatalf("got %v", err)
	}
	if err := i.Empty(false); err == nil {
		t.Fatal("emptying it should be refused too")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyKeepsLogsWhenAsked(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	i := open(t, "a", filepath.Join(t.TempDir(), "data"))
	if err := i.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(i.LogPath("etcd"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := i.Empty(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(i.LogPath("etcd")); err != nil {
		t.Error("the log is gone")
	}
	if _, err := os.Stat(i.Path("pki")); !os.IsNotExist(err) {
		t.Error("the keys are still there")
	}
	if again, _ := Open("a", ""); again.Data != i.Data {
		t.Errorf("the folder of the last run is forgotten: %s", again.Data)
	}
}

func TestAStateWhoseSupervisorHasEndedIsNotRunning(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	i := open(t, "a", "")
	if _, err := i.Running(); err == nil {
		t.Fatal("nothing was started yet")
	}
	self := proc.Self()
	state := &State{Name: "a", PID: self.PID, StartTime: self.Start}
	if err := i.WriteState(state); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Running(); err != nil {
		t.Fatal(err)
	}
	state.StartTime++
	if err := i.WriteState(state); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Running(); err == nil {
		t.Fatal("a process id that was given to another process passes as the supervisor")
	}
}

func TestNamesThatFitNowhereAreRefused(t *testing.T) {
	for _, name := range []string{"", "A", "a/b", "-a", "a-", strings.Repeat("a", 41)} {
		if _, err := Open(name, ""); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
