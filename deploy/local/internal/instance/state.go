package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"localkube/internal/proc"
)

// State is what a running cluster tells about itself, in <data>/state.json.
type State struct {
	Name string `json:"name"`
	// PID and StartTime identify the supervisor.
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"`
	// Ready is true once everything answers.
	Ready      bool   `json:"ready"`
	DataDir    string `json:"dataDir"`
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"`
	CAFile     string `json:"caFile"`
	AuditLog   string `json:"auditLog"`
	// PodCIDR is where fake Pods' addresses come from.
	PodCIDR string `json:"podCIDR"`
	// Kubectl is a kubectl of the cluster's version.
	Kubectl string `json:"kubectl"`
	// KubernetesBin is the folder that holds it and the other programs.
	KubernetesBin string      `json:"kubernetesBin"`
	Jaeger        *Jaeger     `json:"jaeger,omitempty"`
	Components    []Component `json:"components"`
	Node          *Node       `json:"node,omitempty"`
}

// Jaeger holds the tracing back end's addresses.
type Jaeger struct {
	UI       string `json:"ui"`
	Query    string `json:"query"`
	OTLPGRPC string `json:"otlpGrpc"`
	OTLPHTTP string `json:"otlpHttp"`
}

// Component is one running program.
type Component struct {
	Name string `json:"name"`
	proc.ID
	Log string `json:"log"`
}

// Node describes the real node.
type Node struct {
	Name string `json:"name"`
	// Bridge is the interface that the Pods hang on, NodeIP its address.
	Bridge  string `json:"bridge"`
	NodeIP  string `json:"nodeIP"`
	PodCIDR string `json:"podCIDR"`
	// Containerd is the address of the container engine's socket.
	Containerd string `json:"containerd"`
	// Namespace is the engine's namespace that holds the images.
	Namespace string `json:"namespace"`
}

// Supervisor identifies the process that runs the cluster.
func (s *State) Supervisor() proc.ID { return proc.ID{PID: s.PID, Start: s.StartTime} }

func (i *Instance) statePath() string { return i.Path("state.json") }

// WriteState replaces the state file in one step, so that no reader sees half of it.
func (i *Instance) WriteState(s *State) error {
	return writeJSON(i.statePath(), s)
}

// ReadState reads the state file. The error is os.ErrNotExist when there is none.
func (i *Instance) ReadState() (*State, error) {
	var s State
	if err := readJSON(i.statePath(), &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// Running returns the state of an instance whose supervisor lives.
func (i *Instance) Running() (*State, error) {
	s, err := i.ReadState()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err != nil || !s.Supervisor().Alive() {
		return nil, fmt.Errorf("the cluster %q does not run: start it with: localkube up --name %s", i.Name, i.Name)
	}
	return s, nil
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s is damaged: %w; remove it", path, err)
	}
	return nil
}
