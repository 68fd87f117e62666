package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Cached returns the archive of an image from the cache, or builds it there.
// It is known by the program's content and everything else the image depends on.
func Cached(cache string, o Options) (string, error) {
	sum, err := fileSum(o.Binary)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d %q", sum, o.Name, o.Entry, o.User, o.Tools))
	o.Out = filepath.Join(cache, "image-"+hex.EncodeToString(key[:])[:16]+".tar")
	if _, err := os.Stat(o.Out); err == nil {
		return o.Out, nil
	}
	return o.Out, Build(o)
}

// Unpack returns the program in an xz archive, unpacked into the cache once.
func Unpack(ctx context.Context, cache, archive, name string) (string, error) {
	sum, err := fileSum(archive)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name+"-"+sum[:16])
	target := filepath.Join(dir, name)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.CommandContext(ctx, "xz", "--decompress", "--stdout", archive)
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("xz does not unpack %s: %w", archive, err)
	}
	if err := out.Chmod(0o755); err != nil {
		return "", err
	}
	return target, os.Rename(out.Name(), target)
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
