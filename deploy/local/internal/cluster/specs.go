package cluster

import (
	"net"
	"strconv"
	"strings"

	"localkube/internal/proc"
)

// ports are all on 127.0.0.1.
type ports struct {
	apiserver, etcd, etcdPeer, kwok int
}

// lazyGC lets a program collect garbage a third as often: on two cores that is
// worth some hundred MiB of memory.
const lazyGC = "GOGC=300"

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (c *cluster) server() string { return "https://" + local(c.ports.apiserver) }

func (c *cluster) spec(name, path string, args ...string) proc.Spec {
	return proc.Spec{Name: name, Path: path, Args: args, Env: []string{lazyGC}, Log: c.inst.LogPath(name)}
}

func (c *cluster) etcd() proc.Spec {
	client, peer := "http://"+local(c.ports.etcd), "http://"+local(c.ports.etcdPeer)
	return c.spec("etcd", c.programs.etcd,
		"--data-dir", c.inst.Path("etcd"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer,
		// A test cluster is thrown away; waiting for the disk is for nothing.
		"--unsafe-no-fsync", "--log-level", "warn")
}

func (c *cluster) apiserver() proc.Spec {
	pki := func(name string) string { return c.inst.Path("pki", name) }
	args := []string{
		"--etcd-servers", "http://" + local(c.ports.etcd),
		"--bind-address", "127.0.0.1", "--secure-port", strconv.Itoa(c.ports.apiserver),
		"--tls-cert-file", pki("apiserver.crt"), "--tls-private-key-file", pki("apiserver.key"),
		"--client-ca-file", pki("ca.crt"), "--anonymous-auth=false",
		"--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
		"--service-account-issuer", issuer,
		"--service-account-signing-key-file", pki("service-account.key"),
		"--service-account-key-file", pki("service-account.pub"),
		"--service-cluster-ip-range", serviceCIDR,
		"--allow-privileged=true", "--profiling=false", "--cert-dir", pki("self"),
		"--audit-policy-file", c.inst.Path("config", "audit-policy.yaml"),
		"--audit-log-path", c.auditLog(), "--audit-log-maxsize", "10000",
		// The kubelet's name resolves nowhere, and it wants a known client.
		"--kubelet-preferred-address-types", "InternalIP",
		"--kubelet-client-certificate", pki("kubelet-client.crt"),
		"--kubelet-client-key", pki("kubelet-client.key"),
	}
	if c.node == nil {
		// Nothing reaches the API server from inside, and a loopback address
		// may not stand in an Endpoints object.
		args = append(args, "--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none")
	} else {
		args = append(args, "--advertise-address", c.node.IP)
	}
	return c.spec("apiserver", c.programs.apiserver, args...)
}

func (c *cluster) auditLog() string { return c.inst.Path("logs", "audit.log") }

func (c *cluster) controllerManager() proc.Spec {
	config, pki := c.kubeconfig("controller-manager"), c.inst.Path("pki")
	args := []string{
		"--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config,
		"--leader-elect=false", "--use-service-account-credentials=true",
		"--service-account-private-key-file", pki + "/service-account.key",
		"--root-ca-file", pki + "/ca.crt",
		"--cluster-signing-cert-file", pki + "/ca.crt", "--cluster-signing-key-file", pki + "/ca.key",
		// Nobody scrapes it; no port is one port that cannot be taken.
		"--secure-port", "0", "--profiling=false",
		"--kube-api-qps", "200", "--kube-api-burst", "400",
	}
	if c.node == nil && strings.HasPrefix(c.podCIDR, "127.") {
		// Each look at a fake Pod's loopback address ends in a refusal and an
		// event, which is a quarter of all that a busy API server has to do.
		args = append(args, "--controllers", "*,-endpoints-controller,-endpointslice-controller")
	}
	return c.spec("controller-manager", c.programs.kubernetes+"/kube-controller-manager", args...)
}

func (c *cluster) scheduler() proc.Spec {
	config := c.kubeconfig("scheduler")
	return c.spec("scheduler", c.programs.kubernetes+"/kube-scheduler",
		"--kubeconfig", config, "--authentication-kubeconfig", config, "--authorization-kubeconfig", config,
		"--leader-elect=false", "--secure-port", "0", "--profiling=false",
		"--kube-api-qps", "200", "--kube-api-burst", "400")
}

// stages make fake nodes Ready and fake Pods run; kwok does not start without any.
var stages = []string{
	"node/fast/node-initialize.yaml",
	"node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"pod/fast/pod-ready.yaml", "pod/fast/pod-complete.yaml", "pod/fast/pod-delete.yaml",
}

func (c *cluster) kwok() proc.Spec {
	args := []string{
		"--kubeconfig", c.kubeconfig("kwok"),
		"--manage-all-nodes=false", "--manage-nodes-with-label-selector", "kwok=true",
		"--cidr", c.podCIDR, "--node-ip", "127.0.0.1",
		"--node-lease-duration-seconds", "40",
		"--server-address", local(c.ports.kwok),
	}
	for _, stage := range stages {
		args = append(args, "--config", c.programs.stages+"/"+stage)
	}
	spec := c.spec("kwok", c.programs.kwok, args...)
	spec.Env = append(spec.Env, "KWOK_WORKDIR="+c.inst.Path("kwok"))
	return spec
}

// jaegerPorts has a port for each listener, so that none takes its default.
type jaegerPorts struct {
	query, queryGRPC, otlpGRPC, otlpHTTP, grpc, http, admin, agent, compact, binary, zipkin int
}

func (c *cluster) jaeger(p jaegerPorts) proc.Spec {
	spec := c.spec("jaeger", c.programs.jaeger,
		"--query.http-server.host-port", local(p.query),
		"--query.grpc-server.host-port", local(p.queryGRPC),
		"--collector.otlp.enabled=true",
		"--collector.otlp.grpc.host-port", local(p.otlpGRPC),
		"--collector.otlp.http.host-port", local(p.otlpHTTP),
		"--collector.grpc-server.host-port", local(p.grpc),
		"--collector.http-server.host-port", local(p.http),
		"--admin.http.host-port", local(p.admin),
		"--http-server.host-port", local(p.agent),
		"--processor.jaeger-compact.server-host-port", local(p.compact),
		"--processor.jaeger-binary.server-host-port", local(p.binary),
		"--processor.zipkin-compact.server-host-port", local(p.zipkin),
		"--memory.max-traces", "100000")
	spec.Env = append(spec.Env, "SPAN_STORAGE_TYPE=memory")
	return spec
}

func (c *cluster) claimPorts() error {
	return claimAll(c.claims.Port, &c.ports.apiserver, &c.ports.etcd, &c.ports.etcdPeer, &c.ports.kwok)
}

func claimAll(claim func() (int, error), targets ...*int) error {
	for _, target := range targets {
		port, err := claim()
		if err != nil {
			return err
		}
		*target = port
	}
	return nil
}
