// Package build compiles the components of a local cluster from their Go
// modules into a cache outside the checkout.
package build

import (
	"fmt"
	"strings"
	"time"
)

// KubernetesVersion is the version that kubernetes/go.mod pins. The servers
// only know it by these linker flags; without them they say v0.0.0-master and
// gate features by that.
const KubernetesVersion = "v1.35.4"

// HelmVersion is the version that helm/go.mod pins. Without it Helm only says
// v4.3, to which a chart cannot compare a patch release.
const HelmVersion = "v4.3.1"

// Component is one thing to compile.
type Component struct {
	// Name is the folder with go.mod and go.sum, and the executable's name.
	Name string
	// Package is what to compile: "." or the import path of a tool.
	Package string
	// LinkFlags are added to "-s -w".
	LinkFlags string
	// Links are names under which the executable is also linked.
	Links []string
	// Copy names a module and a folder in it to be copied beside the executable.
	CopyModule, CopyFolder string
	// Expect is how long a cold build takes on two cores.
	Expect time.Duration
}

// Components lists everything that can be built, smallest first, so that
// something can be tried early.
var Components = []Component{
	{Name: "pause", Package: ".", Expect: 5 * time.Second},
	{Name: "etcd", Package: ".", Expect: 90 * time.Second},
	{
		Name: "kubernetes", Package: ".", Expect: 8 * time.Minute,
		LinkFlags: kubernetesLinkFlags(),
		Links: []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler",
			"kubelet", "kube-proxy", "kubectl"},
	},
	{
		Name: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok", Expect: time.Minute,
		CopyModule: "sigs.k8s.io/kwok", CopyFolder: "kustomize/stage",
	},
	{Name: "jaeger", Package: "github.com/jaegertracing/jaeger/cmd/all-in-one", Expect: 90 * time.Second},
	{Name: "coredns", Package: "github.com/coredns/coredns", Expect: 3 * time.Minute},
	{Name: "certmanager", Package: ".", Expect: 2 * time.Minute},
	{
		Name: "helm", Package: "helm.sh/helm/v4/cmd/helm", Expect: 2 * time.Minute,
		LinkFlags: "-X helm.sh/helm/v4/internal/version.version=" + HelmVersion,
	},
}

func kubernetesLinkFlags() string {
	const version = "k8s.io/component-base/version"
	parts := strings.SplitN(strings.TrimPrefix(KubernetesVersion, "v"), ".", 3)
	return fmt.Sprintf("-X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s -X %s.gitTreeState=clean",
		version, KubernetesVersion, version, parts[0], version, parts[1], version)
}

// Find returns the component called name.
func Find(name string) (Component, error) {
	known := make([]string, 0, len(Components))
	for _, c := range Components {
		if c.Name == name {
			return c, nil
		}
		known = append(known, c.Name)
	}
	return Component{}, fmt.Errorf("no component is called %q; there are: %s", name, strings.Join(known, ", "))
}

// arguments are those of "go build", without the output.
func (c Component) arguments() []string {
	flags := strings.TrimSpace("-s -w " + c.LinkFlags)
	return []string{"build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=" + flags}
}
