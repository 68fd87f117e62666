package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLddLinesGiveLibrariesAndLoader(t *testing.T) {
	got, err := parseLdd("\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x7f)\n\t/lib64/ld-linux.so.2 (0x7f)\n")
	if err != nil || !slices.Equal(got, []string{"/lib/x/libc.so.6", "/lib64/ld-linux.so.2"}) {
		t.Fatalf("%v %v", got, err)
	}
	if _, err := parseLdd("\tlibz.so.1 => not found\n"); err == nil {
		t.Fatal("a missing library must be an error")
	}
}

func TestTheArchiveHoldsAManifestUnderTheFullName(t *testing.T) {
	if _, err := certificateBundle(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "image.tar")
	err := Build(Options{Name: "a/b:1", Binary: "/bin/true", Entry: "/usr/bin/true", User: 10001, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	files := untar(t, out)
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(files["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	manifest := index.Manifests[0]
	if name := manifest.Annotations[nameAnnotation]; !strings.HasSuffix(name, "/a/b:1") {
		t.Errorf("the name is not a full one: %s", name)
	}
	for name, text := range files {
		if digest, found := strings.CutPrefix(name, "blobs/sha256/"); found {
			if got := describe("", text).Digest; got != "sha256:"+digest {
				t.Errorf("%s holds %s", name, got)
			}
		}
	}
	if _, found := files[blob(manifest)]; !found {
		t.Error("the manifest is missing")
	}
}

func untar(t *testing.T, path string) map[string][]byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
