package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// Key names what a build's result depends on: the Go version, the flags, and
// go.mod, go.sum and the Go sources in the component's folder.
//
// The Go version is that of the running program, so that a warm start need
// not run the go command.
func (c Component) Key(folder string) (string, error) {
	files, err := keyFiles(folder)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s/%s\n%s\n%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		c.Package, strings.Join(c.arguments(), "\n"))
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return "", err
		}
		// The length keeps one file's end from passing as another's start.
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

func keyFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		name := entry.Name()
		if name == "go.mod" || name == "go.sum" || strings.HasSuffix(name, ".go") {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no Go module", folder)
	}
	sort.Strings(files)
	return files, nil
}
