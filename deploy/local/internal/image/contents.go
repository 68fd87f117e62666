package image

import (
	"archive/tar"
	"fmt"
	"os"
	"os/exec"
	"path"
	"sort"
	"strings"
)

// entry is one file or folder of the layer.
type entry struct {
	name string
	mode int64
	// text is the content, or else source the file that holds it; neither
	// means a folder.
	text   []byte
	source string
}

func (e entry) add(w *tar.Writer) error {
	switch {
	case e.source != "":
		return addFile(w, e.name, e.mode, e.source)
	case e.text != nil:
		return addBytes(w, e.name, e.mode, e.text)
	}
	return w.WriteHeader(&tar.Header{Name: e.name + "/", Mode: e.mode, Typeflag: tar.TypeDir})
}

// certificates are where systems keep the CA certificates. Programs that find
// none cannot make a TLS client, even where no TLS is spoken.
var certificates = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
}

func contents(o Options) ([]entry, error) {
	files := map[string]entry{}
	add := func(e entry) {
		e.name = strings.TrimPrefix(e.name, "/")
		files[e.name] = e
	}
	programs := map[string]string{o.Entry: o.Binary}
	for _, tool := range o.Tools {
		programs[tool] = tool
	}
	for name, program := range programs {
		add(entry{name: name, mode: 0o755, source: program})
		libraries, err := libraries(program)
		if err != nil {
			return nil, err
		}
		for _, library := range libraries {
			add(entry{name: library, mode: 0o755, source: library})
		}
	}
	bundle, err := certificateBundle()
	if err != nil {
		return nil, err
	}
	add(entry{name: certificates[0], mode: 0o644, source: bundle})
	add(entry{name: "etc/passwd", mode: 0o644, text: fmt.Appendf(nil,
		"root:x:0:0:root:/:/sbin/nologin\napp:x:%d:%d:app:/tmp:/sbin/nologin\n", o.User, o.User)})
	add(entry{name: "etc/group", mode: 0o644, text: fmt.Appendf(nil, "root:x:0:\napp:x:%d:\n", o.User)})
	add(entry{name: "etc/nsswitch.conf", mode: 0o644, text: []byte("passwd: files\ngroup: files\nhosts: files dns\n")})
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			add(entry{name: dir, mode: 0o755})
		}
	}
	add(entry{name: "tmp", mode: 0o1777})
	return sorted(files), nil
}

// sorted puts folders before what is in them.
func sorted(files map[string]entry) []entry {
	all := make([]entry, 0, len(files))
	for _, file := range files {
		all = append(all, file)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

func certificateBundle() (string, error) {
	for _, file := range certificates {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("this machine has no CA certificates to put into an image: apt-get install ca-certificates")
}

// libraries lists the shared libraries that a program needs, the loader too.
func libraries(binary string) ([]string, error) {
	if _, err := os.Stat(binary); err != nil {
		return nil, err
	}
	out, err := exec.Command("ldd", binary).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "not a dynamic executable") || strings.Contains(string(out), "statically linked") {
			return nil, nil
		}
		return nil, fmt.Errorf("ldd %s: %w: %s", binary, err, strings.TrimSpace(string(out)))
	}
	return parseLdd(string(out))
}

// parseLdd reads "libc.so.6 => /lib/libc.so.6 (0x…)" and "/lib64/ld.so (0x…)".
func parseLdd(out string) ([]string, error) {
	var found []string
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "not found") {
			return nil, fmt.Errorf("a shared library is missing on this machine: %s", strings.TrimSpace(line))
		}
		for _, field := range strings.Fields(line) {
			if strings.HasPrefix(field, "/") {
				found = append(found, field)
			}
		}
	}
	return found, nil
}
