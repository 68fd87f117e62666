package cluster

import (
	"os"
	"path/filepath"

	"localkube/internal/kube"
	"localkube/internal/pki"
)

// clients are the users of the API server.
var clients = []pki.User{
	{File: "admin", Name: "admin", Groups: []string{"system:masters"}},
	{File: supervisor, Name: "localkube", Groups: []string{"system:masters"}},
	{File: "controller-manager", Name: "system:kube-controller-manager"},
	{File: "scheduler", Name: "system:kube-scheduler"},
	{File: "kwok", Name: "localkube:kwok", Groups: []string{"system:masters"}},
	{File: "kubelet-client", Name: "localkube:kubelet-client", Groups: []string{"system:masters"}},
}

// supervisor is the name of localkube's own client certificate.
const supervisor = "supervisor"

const (
	serviceCIDR = "10.96.0.0/16"
	// serviceIP is the first address in serviceCIDR, where the API server is
	// found from inside; dnsDomain is what names inside end in.
	serviceIP = "10.96.0.1"
	dnsDomain = "cluster.local"
	issuer    = "https://kubernetes.default.svc." + dnsDomain
)

// auditPolicy records who changed what. Reading by the cluster's own programs
// and the heartbeats of nodes would drown the rest. A deletion's body holds its
// preconditions, which tests look at.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
- level: None
  verbs: [get, list, watch]
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler",
    "system:kube-proxy", "localkube", "localkube:kwok", "localkube:coredns"]
- level: None
  namespaces: [kube-node-lease]
- level: None
  userGroups: ["system:nodes"]
  resources: [{group: "", resources: [nodes/status]}]
- level: Request
  verbs: [delete, deletecollection]
- level: Metadata
`

func (c *cluster) writeFiles() error {
	dir := c.inst.Path("pki")
	authority, err := pki.NewAuthority(dir)
	if err != nil {
		return err
	}
	hosts := []string{"localhost", "127.0.0.1", serviceIP, "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "kubernetes.default.svc." + dnsDomain}
	if c.node != nil {
		hosts = append(hosts, c.node.IP)
	}
	if err := authority.Server("apiserver", hosts...); err != nil {
		return err
	}
	if err := pki.SigningKey(dir, "service-account"); err != nil {
		return err
	}
	all := clients
	if c.node != nil {
		all = append(all[:len(all):len(all)], c.node.Clients()...)
	}
	for _, client := range all {
		if err := authority.Client(client); err != nil {
			return err
		}
		if err := kube.WriteKubeconfig(c.kubeconfig(client.File), c.server(), dir, client.File, "localkube-"+c.inst.Name); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.inst.Path("config", "audit-policy.yaml"), []byte(auditPolicy), 0o644); err != nil {
		return err
	}
	return c.linkPrograms()
}

// kubeconfig is the path of a client's kubeconfig; the admin's is for people.
func (c *cluster) kubeconfig(client string) string {
	if client == "admin" {
		return c.inst.Path("kubeconfig")
	}
	return c.inst.Path("config", client+".kubeconfig")
}

// linkPrograms gives the instance a folder for a person's PATH.
func (c *cluster) linkPrograms() error {
	for _, name := range []string{"kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"} {
		target := filepath.Join(c.programs.kubernetes, name)
		if name == "kube-apiserver" {
			target = c.programs.apiserver
		}
		if err := os.Symlink(target, c.inst.Path("bin", name)); err != nil {
			return err
		}
	}
	return nil
}
