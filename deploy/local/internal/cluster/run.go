package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"localkube/internal/build"
	"localkube/internal/instance"
	"localkube/internal/kube"
	"localkube/internal/node"
	"localkube/internal/proc"
	"localkube/internal/volumes"
)

// cluster is one running cluster and everything it holds.
type cluster struct {
	opts     Options
	inst     *instance.Instance
	report   reporter
	claims   instance.Claims
	ports    ports
	podCIDR  string
	programs programs
	client   *kube.Client
	state    *instance.State
	node     *node.Node

	// components are in the order of their start.
	components []*proc.Component
	// first is the real node's first process.
	first *proc.Component
	// ready is set once everything answered; from then on what ends is
	// started again, before that it ends the start.
	ready  atomic.Bool
	ending atomic.Bool
	// restarts carries requests into the one goroutine that acts on them.
	restarts chan restart
	fail     context.CancelCauseFunc
}

// How long each step may take on a busy machine.
const (
	serverLimit = 2 * time.Minute
	readyLimit  = 3 * time.Minute
	stopGrace   = 3 * time.Second
)

// Run starts a cluster, calls onReady, serves until ctx ends, and cleans up.
func Run(ctx context.Context, opts Options, onReady func(*instance.State)) error {
	if err := checkNode(opts); err != nil {
		return err
	}
	inst, lock, err := acquire(opts)
	if err != nil {
		return err
	}
	defer lock.Close()
	c := &cluster{opts: opts, inst: inst, report: reporter{opts.Out, time.Now()}, restarts: make(chan restart)}
	ctx, c.fail = context.WithCancelCause(ctx)
	if err := c.build(ctx); err != nil {
		return err
	}
	defer c.end()
	if err := c.prepare(); err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return fmt.Errorf("%w\nlogs: %s", err, inst.Path("logs"))
	}
	onReady(c.state)
	err = c.serve(ctx)
	c.report.say("ending %s", inst.Name)
	return err
}

// acquire locks the instance and removes what a crash left of it.
func acquire(opts Options) (*instance.Instance, *os.File, error) {
	inst, err := instance.Open(opts.Name, opts.DataDir)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(inst.Home, 0o755); err != nil {
		return nil, nil, err
	}
	lock, err := build.TryLock(inst.LockPath())
	if errors.Is(err, build.ErrLocked) {
		return nil, nil, fmt.Errorf("the cluster %q runs already: see localkube status, or choose another --name", inst.Name)
	}
	if err != nil {
		return nil, nil, err
	}
	// The last run may have had its data elsewhere.
	if before, err := instance.Open(opts.Name, ""); err == nil {
		if err := clean(before, false); err != nil {
			lock.Close()
			return nil, nil, err
		}
	}
	return inst, lock, nil
}

// build makes sure that all programs are there.
func (c *cluster) build(ctx context.Context) error {
	place, err := build.FindPlace()
	if err != nil {
		return err
	}
	dirs, err := build.Ensure(ctx, place, c.opts.components(), c.opts.Out)
	if err != nil {
		return err
	}
	c.programs = resolve(dirs)
	return nil
}

// prepare does everything that starts no component.
func (c *cluster) prepare() error {
	if err := c.inst.Prepare(); err != nil {
		return err
	}
	number, err := c.claims.Range(c.inst.Name)
	if err != nil {
		return err
	}
	c.podCIDR = fmt.Sprintf("127.%d.0.0/16", number)
	if c.opts.PodCIDR != "" {
		c.podCIDR = c.opts.PodCIDR
	}
	if err := c.claimPorts(); err != nil {
		return err
	}
	if c.opts.RealNode {
		if err := c.prepareNode(number); err != nil {
			return err
		}
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	c.client, err = kube.New(c.server(), c.inst.Path("pki"), supervisor)
	if err != nil {
		return err
	}
	self := proc.Self()
	c.state = &instance.State{
		Name: c.inst.Name, PID: self.PID, StartTime: self.Start, DataDir: c.inst.Data,
		Kubeconfig: c.kubeconfig("admin"), Server: c.server(), CAFile: c.inst.Path("pki", "ca.crt"),
		AuditLog: c.auditLog(), PodCIDR: c.podCIDR,
		Kubectl: c.inst.Path("bin", "kubectl"), KubernetesBin: c.inst.Path("bin"),
	}
	return c.writeState()
}

// start starts the components and waits until the cluster can be used.
func (c *cluster) start(ctx context.Context) error {
	go c.control(ctx)
	c.report.say("starting etcd and the API server at %s", c.server())
	if err := c.launch(c.etcd(), c.apiserver()); err != nil {
		return err
	}
	if c.opts.Jaeger {
		if err := c.startJaeger(); err != nil {
			return err
		}
	}
	err := poll(ctx, serverLimit, "the API server is not ready", func(ctx context.Context) error {
		return c.client.Get(ctx, "/readyz", nil)
	})
	if err != nil {
		return err
	}
	c.report.say("the API server is ready; starting controller manager, scheduler and %d fake nodes", c.opts.Nodes)
	if err := c.launch(c.controllerManager(), c.scheduler(), c.kwok()); err != nil {
		return err
	}
	if err := c.createFakeNodes(ctx); err != nil {
		return err
	}
	if c.node != nil {
		if err := c.startNode(ctx); err != nil {
			return err
		}
	}
	if err := c.startVolumes(ctx); err != nil {
		return err
	}
	if err := c.waitReady(ctx); err != nil {
		return err
	}
	c.ready.Store(true)
	c.state.Ready = true
	c.report.say("ready")
	return c.writeState()
}

func (c *cluster) startVolumes(ctx context.Context) error {
	log, err := os.OpenFile(c.inst.LogPath("volumes"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	server := &volumes.Server{Client: c.client, Dir: c.inst.Path("volumes"), Log: log}
	if c.node != nil {
		server.Disks = node.Disks{First: func() int { return c.first.ID().PID }}
	}
	if err := server.CreateClasses(ctx); err != nil {
		return err
	}
	go server.Run(ctx)
	return nil
}

func (c *cluster) waitReady(ctx context.Context) error {
	want := c.opts.Nodes
	if c.node != nil {
		want++
	}
	said := time.Now()
	return poll(ctx, readyLimit, "the cluster is not ready", func(ctx context.Context) error {
		ready, err := c.readyNodes(ctx)
		if err == nil {
			err = c.client.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			c.report.say("%d of %d nodes are ready", ready, want)
		}
		if err == nil && ready < want {
			err = fmt.Errorf("%d of %d nodes are ready", ready, want)
		}
		return err
	})
}

func (c *cluster) startJaeger() error {
	var p jaegerPorts
	err := claimAll(c.claims.Port, &p.query, &p.queryGRPC, &p.otlpGRPC, &p.otlpHTTP, &p.grpc, &p.http,
		&p.admin, &p.agent, &p.compact, &p.binary, &p.zipkin)
	if err != nil {
		return err
	}
	query := "http://" + local(p.query)
	c.state.Jaeger = &instance.Jaeger{UI: query, Query: query,
		OTLPGRPC: "http://" + local(p.otlpGRPC), OTLPHTTP: "http://" + local(p.otlpHTTP)}
	return c.launch(c.jaeger(p))
}
