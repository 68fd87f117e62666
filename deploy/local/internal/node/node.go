// Package node runs one real node: containerd, kubelet, kube-proxy and CoreDNS.
//
// All of them, and every container, live in a process-id namespace and a mount
// namespace of their own. When the process that is number 1 there ends, the
// kernel ends all the others and drops every mount and network namespace, so a
// crash leaves only the bridge, the packet rules and empty control groups,
// which are recorded before they are made.
package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"localkube/internal/instance"
	"localkube/internal/pki"
	"localkube/internal/proc"
)

const (
	// Name is the node's name in the cluster.
	Name = "real"
	// Namespace is where the kubelet's images live in containerd.
	Namespace = "k8s.io"
	dnsDomain = "cluster.local"
)

// Node is the real node of one instance.
type Node struct {
	// IP is the address of the bridge, at which kubelet, DNS and the API
	// server are found; the Pods' addresses are in PodCIDR.
	IP, PodCIDR string
	// Bridge is the interface that the Pods hang on.
	Bridge string

	inst *instance.Instance
}

// New describes the node of an instance; number makes its addresses its own.
func New(inst *instance.Instance, number int) *Node {
	return &Node{
		IP: fmt.Sprintf("10.244.%d.1", number), PodCIDR: fmt.Sprintf("10.244.%d.0/24", number),
		Bridge: inst.Short(), inst: inst,
	}
}

// Clients are the node's users of the API server.
func (n *Node) Clients() []pki.User {
	return []pki.User{
		{File: "kubelet", Name: "system:node:" + Name, Groups: []string{"system:nodes"}},
		{File: "kube-proxy", Name: "system:kube-proxy"},
		{File: "coredns", Name: "localkube:coredns", Groups: []string{"system:masters"}},
	}
}

// State describes the node to others.
func (n *Node) State() *instance.Node {
	return &instance.Node{Name: Name, Bridge: n.Bridge, NodeIP: n.IP, PodCIDR: n.PodCIDR,
		Containerd: n.socket(), Namespace: Namespace}
}

func (n *Node) socket() string { return filepath.Join(n.inst.RunDir(), "containerd.sock") }

// Binaries are the programs that localkube built for the node.
type Binaries struct {
	// Kubernetes is the folder of kubelet and kube-proxy.
	Kubernetes, CoreDNS string
}

// Spec is how the node's first process is started. Its children are restarted
// by it, and end with it.
func (n *Node) Spec(b Binaries, kubeconfig func(client string) string) (proc.Spec, error) {
	self, err := os.Executable()
	if err != nil {
		return proc.Spec{}, err
	}
	programs, err := n.writeConfig(b, kubeconfig)
	if err != nil {
		return proc.Spec{}, err
	}
	plan := filepath.Join(n.inst.Path("config"), "node-init.json")
	if err := writeJSON(plan, initPlan{Programs: programs, Pids: n.pidsPath(), Cover: covered}); err != nil {
		return proc.Spec{}, err
	}
	return proc.Spec{
		Name: "node", Path: self, Args: []string{InitCommand, plan}, Log: n.inst.LogPath("node"),
		Attr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS},
	}, nil
}

func (n *Node) pidsPath() string { return n.inst.Path("config", "node-pids.json") }

// Load imports an image archive into the node's containerd.
func Load(ctx context.Context, node *instance.Node, archive string) error {
	cmd := exec.CommandContext(ctx, "ctr", "--address", node.Containerd, "--namespace", node.Namespace,
		"images", "import", archive)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the node does not take the image %s: %w\n%s", archive, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// WaitEngine returns once containerd answers.
func (n *Node) WaitEngine(ctx context.Context, limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		out, err := exec.CommandContext(ctx, "ctr", "--address", n.socket(), "version").CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(end) {
			return fmt.Errorf("containerd does not answer (see %s): %s", n.inst.LogPath("containerd"), out)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// Forward makes the API server, which listens on loopback only, reachable at
// the bridge for the Pods and the kubelet's webhooks, until ctx ends.
func (n *Node) Forward(ctx context.Context, port int) error {
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", n.IP, port))
	if err != nil {
		return fmt.Errorf("the API server cannot be offered to Pods: %w", err)
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(conn, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}()
	return nil
}

// forward copies both ways; when either side ends, both are closed, so that a
// restart of the server is seen at once.
func forward(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}
