package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKubebuilderAssetsReplaceBothServersOrNone(t *testing.T) {
	dirs := map[string]string{"kubernetes": "/k", "etcd": "/e"}
	own := func(p programs) bool { return p.apiserver == "/k/kube-apiserver" && p.etcd == "/e/etcd" }

	t.Setenv("KUBEBUILDER_ASSETS", "")
	if p := resolve(dirs); !own(p) {
		t.Errorf("without the variable: %+v", p)
	}

	dir := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	place(t, dir, "etcd")
	if p := resolve(dirs); !own(p) {
		t.Errorf("a folder with etcd alone: %+v", p)
	}

	place(t, dir, "kube-apiserver")
	p := resolve(dirs)
	if p.apiserver != filepath.Join(dir, "kube-apiserver") || p.etcd != filepath.Join(dir, "etcd") {
		t.Errorf("a folder with both: %+v", p)
	}
}

func place(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
		t.Fatal(err)
	}
}
