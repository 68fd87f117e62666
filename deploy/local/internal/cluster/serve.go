package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"localkube/internal/instance"
	"localkube/internal/proc"
)

// launch starts components and records them, so that a later command finds them.
func (c *cluster) launch(specs ...proc.Spec) error {
	for _, spec := range specs {
		component := &proc.Component{Spec: spec}
		if err := component.Start(c.onExit(component)); err != nil {
			return err
		}
		c.components = append(c.components, component)
	}
	return c.writeState()
}

// onExit says what happens when a component ends by itself.
func (c *cluster) onExit(component *proc.Component) func(error) {
	return func(err error) {
		if c.ending.Load() {
			return
		}
		name, log := component.Spec.Name, component.Spec.Log
		if !c.ready.Load() {
			c.fail(fmt.Errorf("%s ended while starting (%w); the end of %s:\n%s", name, err, log, logTail(log, 15)))
			return
		}
		c.report.say("%s ended (%v), see %s; starting it again", name, err, log)
		time.Sleep(time.Second)
		request := restart{component: component, revive: true, done: make(chan error, 1)}
		c.restarts <- request
		if err := <-request.done; err != nil {
			c.report.say("%v", err)
		}
	}
}

// restart asks for a component to be started again. With revive it is not
// stopped first, and left alone if somebody else has started it meanwhile.
// Without a component only the state file is written anew.
type restart struct {
	component *proc.Component
	revive    bool
	grace     time.Duration
	done      chan error
}

// serve acts on requests until ctx ends.
func (c *cluster) serve(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); err != context.Canceled {
				return err
			}
			return nil
		case r := <-c.restarts:
			r.done <- c.restart(r)
		}
	}
}

func (c *cluster) restart(r restart) error {
	var err error
	if r.component == nil {
		return c.writeState()
	}
	if r.revive {
		err = r.component.Revive(c.onExit(r.component))
	} else {
		r.component.Stop(r.grace)
		err = r.component.Start(c.onExit(r.component))
	}
	if err != nil {
		return err
	}
	return c.writeState()
}

func (c *cluster) writeState() error {
	c.state.Components = nil
	for _, component := range c.components {
		c.state.Components = append(c.state.Components,
			instance.Component{Name: component.Spec.Name, ID: component.ID(), Log: component.Spec.Log})
		if c.node != nil && component.Spec.Name == "node" {
			c.state.Components = append(c.state.Components, c.node.Processes(component.ID())...)
		}
	}
	return c.inst.WriteState(c.state)
}

// end stops everything and removes what it left. Components need no care: the
// cluster's data goes with them.
func (c *cluster) end() {
	c.ending.Store(true)
	c.fail(nil)
	done := make(chan struct{})
	for _, component := range c.components {
		go func() {
			component.Stop(stopGrace)
			done <- struct{}{}
		}()
	}
	for range c.components {
		<-done
	}
	c.claims.Release()
	if err := clean(c.inst, true); err != nil {
		c.report.say("%v", err)
		return
	}
	c.report.say("ended; logs are in %s", c.inst.Path("logs"))
}

// command is what another localkube process asks for.
type command struct {
	Restart string        `json:"restart"`
	Grace   time.Duration `json:"grace"`
}

type answer struct {
	Error string `json:"error"`
}

func controlPath(inst *instance.Instance) string { return filepath.Join(inst.RunDir(), "control") }

// control serves other localkube processes of the same user: the folder of
// the socket is closed to others.
func (c *cluster) control(ctx context.Context) {
	listener, err := net.Listen("unix", controlPath(c.inst))
	if err != nil {
		c.fail(fmt.Errorf("no control socket: %w", err))
		return
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var asked command
			if json.NewDecoder(conn).Decode(&asked) != nil {
				return
			}
			var a answer
			if err := c.obey(ctx, asked); err != nil {
				a.Error = err.Error()
			}
			_ = json.NewEncoder(conn).Encode(a)
		}()
	}
}

func (c *cluster) obey(ctx context.Context, asked command) error {
	if !c.ready.Load() {
		return fmt.Errorf("the cluster %q is still starting", c.inst.Name)
	}
	for _, component := range c.components {
		if component.Spec.Name != asked.Restart {
			continue
		}
		r := restart{component: component, grace: asked.Grace, done: make(chan error, 1)}
		select {
		case c.restarts <- r:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := <-r.done; err != nil {
			return err
		}
		return poll(ctx, serverLimit, "the API server is not ready again", func(ctx context.Context) error {
			return c.client.Get(ctx, "/readyz", nil)
		})
	}
	return c.restartInNode(ctx, asked)
}

// restartInNode ends one of the node's programs; its first process starts it again.
func (c *cluster) restartInNode(ctx context.Context, asked command) error {
	before, found := c.inNode(asked.Restart)
	if !found {
		return fmt.Errorf("no component is called %q; see localkube status", asked.Restart)
	}
	before.ID.End(asked.Grace)
	return poll(ctx, readyLimit, asked.Restart+" does not come back", func(context.Context) error {
		if after, found := c.inNode(asked.Restart); !found || after.ID == before.ID {
			return fmt.Errorf("not there yet")
		}
		r := restart{revive: true, done: make(chan error, 1)}
		c.restarts <- r
		return <-r.done
	})
}

func (c *cluster) inNode(name string) (instance.Component, bool) {
	for _, component := range c.components {
		if component.Spec.Name != "node" {
			continue
		}
		for _, process := range c.node.Processes(component.ID()) {
			if process.Name == name {
				return process, true
			}
		}
	}
	return instance.Component{}, false
}

// Restart asks the supervisor of a running instance to restart a component
// and returns when the API server answers. grace is how long the component
// may take to end before it is killed.
func Restart(inst *instance.Instance, component string, grace time.Duration) error {
	conn, err := net.Dial("unix", controlPath(inst))
	if err != nil {
		return fmt.Errorf("the cluster %q cannot be asked: %w", inst.Name, err)
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(command{Restart: component, Grace: grace}); err != nil {
		return err
	}
	var a answer
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		return err
	}
	if a.Error != "" {
		return fmt.Errorf("%s", a.Error)
	}
	return nil
}
