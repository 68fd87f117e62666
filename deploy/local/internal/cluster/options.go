// Package cluster runs one local cluster: it starts the components, waits for
// them, keeps them running, and ends them.
package cluster

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options are what a person chooses.
type Options struct {
	Name    string
	DataDir string
	// Nodes is the number of fake nodes, spread over Zones zones.
	Nodes, Zones int
	// NodeCPU and NodeMemory are what each fake node can allocate.
	NodeCPU, NodeMemory string
	// PodCIDR replaces the instance's own 127.<n>.0.0/16 for fake Pods.
	PodCIDR  string
	Jaeger   bool
	RealNode bool
	// RustFSArchive is an xz archive of the RustFS program, for its image.
	RustFSArchive string
	// Out takes the progress.
	Out io.Writer
}

// Validate says what is wrong with the options, if anything is.
func (o Options) Validate() error {
	if o.Nodes < 0 || o.Nodes > 200 {
		return fmt.Errorf("--nodes %d: give 0 to 200", o.Nodes)
	}
	if o.Zones < 1 || o.Zones > 26 {
		return fmt.Errorf("--zones %d: give 1 to 26", o.Zones)
	}
	return nil
}

// programs are the paths of the executables.
type programs struct {
	apiserver, etcd, kwok, stages, jaeger, coredns, pause string
	// kubernetes is the folder that holds the others.
	kubernetes string
}

func (o Options) components() []string {
	names := []string{"kubernetes", "kwok"}
	if assets() == "" {
		names = append(names, "etcd")
	}
	if o.Jaeger {
		names = append(names, "jaeger")
	}
	if o.RealNode {
		names = append(names, "coredns", "pause")
	}
	return names
}

func resolve(dirs map[string]string) programs {
	p := programs{
		kubernetes: dirs["kubernetes"],
		apiserver:  filepath.Join(dirs["kubernetes"], "kube-apiserver"),
		etcd:       filepath.Join(dirs["etcd"], "etcd"),
		kwok:       filepath.Join(dirs["kwok"], "kwok"),
		stages:     filepath.Join(dirs["kwok"], "stage"),
		jaeger:     filepath.Join(dirs["jaeger"], "jaeger"),
		coredns:    filepath.Join(dirs["coredns"], "coredns"),
		pause:      filepath.Join(dirs["pause"], "pause"),
	}
	if dir := assets(); dir != "" {
		p.apiserver, p.etcd = filepath.Join(dir, "kube-apiserver"), filepath.Join(dir, "etcd")
	}
	return p
}

// assets is $KUBEBUILDER_ASSETS if it holds both servers.
func assets() string {
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	for _, program := range []string{"kube-apiserver", "etcd"} {
		if _, err := os.Stat(filepath.Join(dir, program)); dir == "" || err != nil {
			return ""
		}
	}
	return dir
}

// reporter prints progress with the time since the start.
type reporter struct {
	out     io.Writer
	started time.Time
}

func (r reporter) say(format string, values ...any) {
	fmt.Fprintf(r.out, "%6.1fs  %s\n", time.Since(r.started).Seconds(), fmt.Sprintf(format, values...))
}

// logTail returns the last lines of a component's log, for an error message.
func logTail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
