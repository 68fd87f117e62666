package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"localkube/internal/cluster"
	"localkube/internal/instance"
)

// reportFD is where a detached supervisor reports its start.
const reportFD = 3

type upFlags struct {
	cluster.Options
	detach, json, supervisor bool
}

func parseUp(args []string) (upFlags, error) {
	var f upFlags
	set := flags("up")
	set.StringVar(&f.Name, "name", "default", "the cluster's name")
	set.StringVar(&f.DataDir, "data-dir", "", "folder for its data, which localkube empties; by default in the user's state folder")
	set.IntVar(&f.Nodes, "nodes", 3, "number of fake nodes; 0 by default with --real-node")
	set.IntVar(&f.Zones, "zones", 3, "number of zones that the fake nodes lie in")
	set.StringVar(&f.NodeCPU, "node-cpu", "8", "CPU of each fake node")
	set.StringVar(&f.NodeMemory, "node-memory", "32Gi", "memory of each fake node")
	set.StringVar(&f.PodCIDR, "pod-cidr", "", "range of fake Pods' addresses instead of 127.<n>.0.0/16")
	set.BoolVar(&f.RealNode, "real-node", false, "run a real node (Linux, root, containerd)")
	set.StringVar(&f.RustFSArchive, "rustfs-archive", os.Getenv("RUSTFS_ARCHIVE"), "xz archive of RustFS for the real node's image; RUSTFS_BIN goes first")
	set.BoolVar(&f.Jaeger, "jaeger", false, "run Jaeger too")
	set.BoolVar(&f.detach, "detach", false, "return when the cluster is ready and leave it running")
	set.BoolVar(&f.json, "json", false, "print the cluster's state as JSON when it is ready")
	set.BoolVar(&f.supervisor, "supervisor", false, "internal: this is the detached process")
	if err := parse(set, args); err != nil {
		return f, err
	}
	nodesGiven := false
	set.Visit(func(given *flag.Flag) { nodesGiven = nodesGiven || given.Name == "nodes" })
	if f.RealNode && !nodesGiven {
		f.Nodes = 0
	}
	return f, f.Validate()
}

func up(args []string) error {
	f, err := parseUp(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if f.detach {
		return detach(ctx, f, args)
	}
	f.Out = os.Stderr
	onReady := func(state *instance.State) { show(state, f.json) }
	if f.supervisor {
		// The components must not hold the pipe open.
		syscall.CloseOnExec(reportFD)
		pipe := os.NewFile(reportFD, "report")
		f.Out, onReady = pipe, func(*instance.State) { pipe.Close() }
		log, err := supervisorLog(f.Options)
		if err != nil {
			return err
		}
		defer log.Close()
		f.Out = both{log, pipe}
	}
	err = cluster.Run(ctx, f.Options, onReady)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitCode(130)
	}
	if err != nil && f.supervisor {
		fmt.Fprintf(f.Out, "localkube up: %v\n", err)
	}
	return err
}

// both writes to the log and, as long as somebody reads it, to the pipe.
type both struct{ log, pipe io.Writer }

func (b both) Write(text []byte) (int, error) {
	_, _ = b.pipe.Write(text)
	return b.log.Write(text)
}

func supervisorLog(o cluster.Options) (*os.File, error) {
	inst, err := instance.Open(o.Name, o.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(inst.Home, 0o755); err != nil {
		return nil, err
	}
	// Beside the lock: the data folder's logs are cleared by the start.
	return os.OpenFile(inst.SupervisorLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// detach starts the supervisor in a session of its own and shows its progress
// until it is ready or has failed.
func detach(ctx context.Context, f upFlags, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	child := exec.Command(self, append([]string{"up"}, append(without(args, "detach"), "--supervisor")...)...)
	child.ExtraFiles = []*os.File{write}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return err
	}
	write.Close()
	interrupted := context.AfterFunc(ctx, func() { _ = child.Process.Signal(syscall.SIGTERM) })
	defer interrupted()
	_, _ = io.Copy(os.Stderr, read)
	inst, err := instance.Open(f.Name, f.DataDir)
	if err != nil {
		return err
	}
	state, err := inst.Running()
	if err == nil && state.Ready && state.PID == child.Process.Pid {
		show(state, f.json)
		return nil
	}
	_ = child.Wait()
	return exitCode(1)
}

// without removes a boolean flag in any of its spellings.
func without(args []string, name string) []string {
	var kept []string
	for _, arg := range args {
		switch arg {
		case "-" + name, "--" + name, "-" + name + "=true", "--" + name + "=true":
		default:
			kept = append(kept, arg)
		}
	}
	return kept
}

// show prints what a person, or with asJSON a program, needs to use the cluster.
func show(state *instance.State, asJSON bool) {
	if asJSON {
		text, _ := json.MarshalIndent(state, "", "  ")
		fmt.Println(string(text))
		return
	}
	fmt.Printf("export KUBECONFIG=%s\nexport PATH=%s:$PATH\n", state.Kubeconfig, state.KubernetesBin)
	if state.Jaeger != nil {
		fmt.Printf("export OTEL_EXPORTER_OTLP_ENDPOINT=%s\n# Jaeger: %s\n", state.Jaeger.OTLPGRPC, state.Jaeger.UI)
	}
}
