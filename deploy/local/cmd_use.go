package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"localkube/internal/build"
	"localkube/internal/cluster"
	"localkube/internal/instance"
)

func nameFlag(set *flag.FlagSet) *string {
	return set.String("name", "default", "the cluster's name")
}

// running parses a command's flags and finds the cluster that they name.
func running(set *flag.FlagSet, args []string) (*instance.Instance, *instance.State, error) {
	name := nameFlag(set)
	if err := parse(set, args); err != nil {
		return nil, nil, err
	}
	inst, err := instance.Open(*name, "")
	if err != nil {
		return nil, nil, err
	}
	state, err := inst.Running()
	return inst, state, err
}

func down(args []string) error {
	set := flags("down")
	name := nameFlag(set)
	all := set.Bool("all", false, "end every cluster of this user")
	if err := parse(set, args); err != nil {
		return err
	}
	var instances []*instance.Instance
	if *all {
		var err error
		if instances, err = instance.All(); err != nil {
			return err
		}
	} else {
		inst, err := instance.Open(*name, "")
		if err != nil {
			return err
		}
		instances = append(instances, inst)
	}
	for _, inst := range instances {
		was, err := cluster.Down(inst)
		if err != nil {
			return err
		}
		if was {
			fmt.Fprintf(os.Stderr, "ended %s\n", inst.Name)
		} else if !*all {
			fmt.Fprintf(os.Stderr, "%s was not running; what it had left is removed\n", inst.Name)
		}
	}
	return nil
}

func status(args []string) error {
	set := flags("status")
	name := set.String("name", "", "the cluster's name; all clusters without it")
	asJSON := set.Bool("json", false, "print JSON")
	if err := parse(set, args); err != nil {
		return err
	}
	instances, err := instance.All()
	if *name != "" {
		var inst *instance.Instance
		inst, err = instance.Open(*name, "")
		instances = []*instance.Instance{inst}
	}
	if err != nil {
		return err
	}
	var states []*instance.State
	for _, inst := range instances {
		state, err := inst.Running()
		if err == nil {
			states = append(states, state)
		} else if *name != "" {
			return err
		}
	}
	switch {
	case *asJSON && *name != "":
		return printJSON(states[0])
	case *asJSON:
		return printJSON(append([]*instance.State{}, states...))
	case len(states) == 0:
		fmt.Println("no cluster is running")
	}
	for _, state := range states {
		printStatus(state)
	}
	return nil
}

func printJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func printStatus(s *instance.State) {
	condition := "starting"
	if s.Ready {
		condition = "ready"
	}
	fmt.Printf("%s: %s, %s, fake Pods in %s\n  kubeconfig %s\n", s.Name, condition, s.Server, s.PodCIDR, s.Kubeconfig)
	if s.Jaeger != nil {
		fmt.Printf("  jaeger %s, OTLP gRPC %s, HTTP %s\n", s.Jaeger.UI, s.Jaeger.OTLPGRPC, s.Jaeger.OTLPHTTP)
	}
	if s.Node != nil {
		fmt.Printf("  real node %s at %s on %s\n", s.Node.Name, s.Node.NodeIP, s.Node.Bridge)
	}
	for _, c := range s.Components {
		life := "runs"
		if !c.ID.Alive() {
			life = "ended"
		}
		fmt.Printf("  %-20s %7d %s\n", c.Name, c.PID, life)
	}
}

func kubeconfig(args []string) error {
	_, state, err := running(flags("kubeconfig"), args)
	if err == nil {
		fmt.Println(state.Kubeconfig)
	}
	return err
}

// kubectl becomes kubectl, so that signals and the exit code are its own.
func kubectl(args []string) error {
	ours, theirs := splitAtDashes(args)
	_, state, err := running(flags("kubectl"), ours)
	if err != nil {
		return err
	}
	env := append(os.Environ(), "KUBECONFIG="+state.Kubeconfig)
	return syscall.Exec(state.Kubectl, append([]string{"kubectl"}, theirs...), env)
}

func splitAtDashes(args []string) (before, after []string) {
	for i, arg := range args {
		if arg == "--" {
			return args[:i], args[i+1:]
		}
	}
	return args, nil
}

func logs(args []string) error {
	set := flags("logs")
	name := nameFlag(set)
	component := set.String("component", "", "the component: see localkube status; \"supervisor\" and \"audit\" too")
	if err := parse(set, args); err != nil {
		return err
	}
	inst, err := instance.Open(*name, "")
	if err != nil {
		return err
	}
	// Logs outlive the cluster.
	path := inst.LogPath(filepath.Base(*component))
	if *component == "supervisor" {
		path = inst.SupervisorLog()
	}
	file, err := os.Open(path)
	if err != nil {
		found, _ := filepath.Glob(inst.LogPath("*"))
		for i := range found {
			found[i] = strings.TrimSuffix(filepath.Base(found[i]), ".log")
		}
		return fmt.Errorf("--component %q has no log; there are: %s", *component, strings.Join(found, ", "))
	}
	defer file.Close()
	_, err = io.Copy(os.Stdout, file)
	return err
}

func restart(args []string) error {
	set := flags("restart")
	component := set.String("component", "", "the component: see localkube status")
	grace := set.Duration("grace", 10*time.Second, "how long it may take to end before it is killed")
	inst, _, err := running(set, args)
	if err != nil {
		return err
	}
	return cluster.Restart(inst, *component, *grace)
}

func buildComponents(args []string) error {
	set := flags("build")
	only := set.String("only", "", "comma-separated components instead of all")
	if err := parse(set, args); err != nil {
		return err
	}
	var names []string
	for _, c := range build.Components {
		names = append(names, c.Name)
	}
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	place, err := build.FindPlace()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dirs, err := build.Ensure(ctx, place, names, os.Stderr)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Println(filepath.Join(dirs[name], name))
	}
	return nil
}
