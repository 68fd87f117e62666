package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestStatCountsFieldsFromTheLastParenthesis(t *testing.T) {
	line := "42 (odd) name (x) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 20"
	start, state, err := parseStat([]byte(line))
	if err != nil || start != 987654 || state != 'S' {
		t.Fatalf("got %d %c %v", start, state, err)
	}
}

func TestAProcessIsKnownByItsStartTimeToo(t *testing.T) {
	self := Self()
	if !self.Alive() {
		t.Fatal("this process should be alive")
	}
	other := ID{PID: self.PID, Start: self.Start + 1}
	if other.Alive() {
		t.Fatal("a process with the same number but another start time is another process")
	}
	if err := other.Signal(0); err == nil {
		t.Fatal("a signal must not reach a process with another start time")
	}
}

func TestAZombieIsNotAlive(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := Start(cmd); err != nil {
		t.Skip(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if !id.End(2 * time.Second) {
		t.Fatal("not yet waited for, but it does not run any more")
	}
	_ = cmd.Wait()
}

func TestStopReportsNoSurprise(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := &Component{Spec: Spec{Name: "sleep", Path: "/bin/sleep", Args: []string{"60"}, Log: log}}
	if err := c.Start(func(err error) { t.Errorf("surprised by %v", err) }); err != nil {
		t.Skip(err)
	}
	c.Stop(time.Second)
	if c.ID().Alive() {
		t.Fatal("still alive")
	}
	if _, err := os.Stat(log); err != nil {
		t.Fatal(err)
	}
}
