// Package image writes container images without a container engine and
// without a registry.
package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/distribution/reference"
)

// Options say what an image holds.
type Options struct {
	// Name is the image's name, short or full: "rustfs/rustfs:1.0.1".
	Name string
	// Binary is the program on this machine, Entry its path in the image.
	Binary, Entry string
	// Tools are more programs of this machine, at the same paths.
	Tools []string
	// User is the number of the user and group that run it.
	User int
	// Out is the archive to write.
	Out string
}

const (
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	// nameAnnotation is where containerd's import finds the image's name.
	nameAnnotation = "io.containerd.image.name"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Build writes an OCI archive with one layer: the program, the shared
// libraries it needs, CA certificates, users, and /tmp.
func Build(o Options) error {
	name, err := reference.ParseDockerRef(o.Name)
	if err != nil {
		return fmt.Errorf("%q cannot name an image: %w", o.Name, err)
	}
	files, err := contents(o)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(o.Out), ".image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	layer, err := writeLayer(filepath.Join(dir, "layer"), files)
	if err != nil {
		return err
	}
	config := map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{
			"User":       fmt.Sprintf("%d:%d", o.User, o.User),
			"Env":        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			"Entrypoint": []string{o.Entry}, "WorkingDir": "/",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}},
	}
	archive := filepath.Join(dir, "archive")
	if err := writeArchive(archive, filepath.Join(dir, "layer"), layer, config, name.String()); err != nil {
		return err
	}
	return os.Rename(archive, o.Out)
}

func writeArchive(path, layerPath string, layer descriptor, config any, name string) error {
	configText, err := json.Marshal(config)
	if err != nil {
		return err
	}
	configPart := describe(mediaConfig, configText)
	manifestText, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaManifest, "config": configPart, "layers": []descriptor{layer},
	})
	if err != nil {
		return err
	}
	manifest := describe(mediaManifest, manifestText)
	manifest.Annotations = map[string]string{nameAnnotation: name}
	indexText, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaIndex, "manifests": []descriptor{manifest},
	})
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	w := tar.NewWriter(out)
	for _, part := range []struct {
		name string
		text []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", indexText},
		{blob(manifest), manifestText}, {blob(configPart), configText},
	} {
		if err := addBytes(w, part.name, 0o644, part.text); err != nil {
			return err
		}
	}
	if err := addFile(w, blob(layer), 0o644, layerPath); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

func describe(mediaType string, text []byte) descriptor {
	sum := sha256.Sum256(text)
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

func blob(d descriptor) string { return "blobs/sha256/" + d.Digest[len("sha256:"):] }

func writeLayer(path string, files []entry) (descriptor, error) {
	out, err := os.Create(path)
	if err != nil {
		return descriptor{}, err
	}
	defer out.Close()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(out, sum))
	for _, file := range files {
		if err := file.add(w); err != nil {
			return descriptor{}, err
		}
	}
	if err := w.Close(); err != nil {
		return descriptor{}, err
	}
	info, err := out.Stat()
	if err != nil {
		return descriptor{}, err
	}
	return descriptor{MediaType: mediaLayer, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: info.Size()}, nil
}

func addBytes(w *tar.Writer, name string, mode int64, text []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

func addFile(w *tar.Writer, name string, mode int64, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: info.Size(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
