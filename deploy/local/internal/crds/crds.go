// Package crds finds other projects' CustomResourceDefinitions in Go's module
// cache, at pinned versions, so that no copy of them lies in this repository.
package crds

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

type source struct{ module, version, folder string }

var sources = map[string]source{
	"prometheus":   {"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "example/prometheus-operator-crd"},
	"cert-manager": {"github.com/cert-manager/cert-manager", "v1.21.2", "deploy/crds"},
	"gateway":      {"sigs.k8s.io/gateway-api", "v1.4.0", "config/crd/standard"},
	"snapshot":     {"github.com/kubernetes-csi/external-snapshotter/client/v8", "v8.2.0", "config/crd"},
}

// Names lists what can be asked for.
func Names() []string {
	var names []string
	for name := range sources {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Folder returns the folder with the YAML files of one project. The first call
// downloads its module and notes the folder in the cache; later ones need
// neither network nor go command.
func Folder(ctx context.Context, cache, name string) (string, error) {
	s, known := sources[name]
	if !known {
		return "", fmt.Errorf("no CRDs are known as %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	note := filepath.Join(cache, "crds-"+name+"-"+s.version)
	if text, err := os.ReadFile(note); err == nil {
		if _, err := os.Stat(string(text)); err == nil {
			return string(text), nil
		}
	}
	folder, err := download(ctx, s)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return folder, os.WriteFile(note, []byte(folder), 0o644)
}

func download(ctx context.Context, s source) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", s.module+"@"+s.version)
	// Outside of any module, whose go.mod would have its say.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	var module struct{ Dir, Error string }
	if parseErr := json.Unmarshal(out, &module); parseErr != nil || module.Error != "" || module.Dir == "" {
		return "", fmt.Errorf("%s@%s cannot be downloaded: %s %v", s.module, s.version, module.Error, err)
	}
	folder := filepath.Join(module.Dir, s.folder)
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("%s@%s has no folder %s any more", s.module, s.version, s.folder)
	}
	return folder, nil
}
