package node

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

// PauseImage is the image that holds a Pod's namespaces.
const PauseImage = "localkube/pause:1"

//go:embed config/*
var templates embed.FS

// settings are what the configuration files are filled with.
type settings struct {
	Name, IP, PodCIDR, Bridge, Domain, PauseImage string
	// Data, Logs and Socket are containerd's and the kubelet's places.
	Data, Logs, Socket, CNIPlugins, Config, PKI string
	KubeProxyConfig, CoreDNSConfig              string
	CgroupRoot                                  string
	// MasqueradeAll is set where bridged packets do not pass the packet
	// rules: an answer would come from an address that nobody asked.
	MasqueradeAll bool
}

func (n *Node) writeConfig(b Binaries, kubeconfig func(client string) string) ([]program, error) {
	containerd, err := exec.LookPath("containerd")
	if err != nil {
		return nil, err
	}
	s := settings{
		Name: Name, IP: n.IP, PodCIDR: n.PodCIDR, Bridge: n.Bridge, Domain: dnsDomain, PauseImage: PauseImage,
		Data: n.inst.Path("node"), Logs: n.inst.Path("logs"), Socket: n.socket(),
		CNIPlugins: CNIPlugins(), Config: n.inst.Path("config"), PKI: n.inst.Path("pki"),
		KubeProxyConfig: kubeconfig("kube-proxy"), CoreDNSConfig: kubeconfig("coredns"),
		CgroupRoot: n.cgroup(), MasqueradeAll: !bridgeFiltered(),
	}
	for _, dir := range []string{s.Data, filepath.Join(s.Config, "cni")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	for name, target := range map[string]string{
		"containerd.toml": "containerd.toml", "kubelet.yaml": "kubelet.yaml", "kube-proxy.yaml": "kube-proxy.yaml",
		"Corefile": "Corefile", "bridge.conflist": "cni/10-bridge.conflist",
	} {
		if err := render(name, filepath.Join(s.Config, target), s); err != nil {
			return nil, err
		}
	}
	config := func(name string) string { return filepath.Join(s.Config, name) }
	return []program{
		{Name: "containerd", Path: containerd, Args: []string{"--config", config("containerd.toml")}, Log: n.inst.LogPath("containerd")},
		{Name: "kubelet", Path: filepath.Join(b.Kubernetes, "kubelet"), Log: n.inst.LogPath("kubelet"), Args: []string{
			"--config", config("kubelet.yaml"), "--kubeconfig", kubeconfig("kubelet"),
			"--root-dir", filepath.Join(s.Data, "kubelet"), "--cert-dir", filepath.Join(s.Data, "kubelet", "pki"),
			"--hostname-override", Name, "--node-ip", n.IP,
			"--node-labels", "localkube/real=true,topology.kubernetes.io/zone=zone-a,topology.kubernetes.io/region=local",
		}},
		{Name: "kube-proxy", Path: filepath.Join(b.Kubernetes, "kube-proxy"), Log: n.inst.LogPath("kube-proxy"),
			Args: []string{"--config", config("kube-proxy.yaml")}},
		{Name: "coredns", Path: b.CoreDNS, Log: n.inst.LogPath("coredns"),
			Args: []string{"-conf", config("Corefile")}},
	}, nil
}

func render(name, target string, s settings) error {
	parsed, err := template.ParseFS(templates, "config/"+name)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, s); err != nil {
		return fmt.Errorf("cannot write %s: %w", target, err)
	}
	return os.WriteFile(target, text.Bytes(), 0o644)
}

// CNIPlugins is the folder of the network plugins, or "" when there is none.
func CNIPlugins() string {
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"} {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			return dir
		}
	}
	return ""
}

// bridgeFiltered says whether packets that only cross the bridge pass the
// packet rules.
func bridgeFiltered() bool {
	text, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && bytes.HasPrefix(text, []byte("1"))
}
