package build

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheKeyChangesWithEverythingThatIsCompiled(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module x\n")
	write(t, dir, "main.go", "package main\n")
	c := Component{Name: "x", Package: "."}
	key := func() string {
		t.Helper()
		k, err := c.Key(dir)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	seen := map[string]string{key(): "at first"}
	change := func(what string, do func()) {
		t.Helper()
		do()
		if before, known := seen[key()]; known {
			t.Errorf("%s leaves the key as it was %s", what, before)
		}
		seen[key()] = "after " + what
	}
	change("a go.sum", func() { write(t, dir, "go.sum", "a v1 h1:x\n") })
	change("another source", func() { write(t, dir, "main.go", "package main // 2\n") })
	change("a second source", func() { write(t, dir, "names.go", "package main\n") })
	change("a linker flag", func() { c.LinkFlags = "-X a.b=c" })

	before := key()
	write(t, dir, "README.md", "words")
	if key() != before {
		t.Error("words that are not compiled change the key")
	}
}

func TestTheVersionsToldToTheLinkerAreThoseThatArePinned(t *testing.T) {
	for name, pin := range map[string]string{
		"kubernetes": "k8s.io/kubernetes " + KubernetesVersion,
		"helm":       "helm.sh/helm/v4 " + HelmVersion,
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", name, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(pin) + `\b`).Match(text) {
			t.Errorf("%s/go.mod does not pin %s", name, pin)
		}
	}
}

func TestAFolderWithoutAModuleIsAnError(t *testing.T) {
	if _, err := (Component{Name: "x"}).Key(t.TempDir()); err == nil {
		t.Fatal("expected an error")
	}
}

func TestALockIsExclusiveAndEndsWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("the second lock got %v", err)
	}
	first.Close()
	again, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
