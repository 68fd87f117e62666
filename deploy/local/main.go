// Command localkube runs a real Kubernetes on this machine, built from source:
// for trying the operator and for its tests. See README.md beside it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"localkube/internal/crds"
	"localkube/internal/node"
)

// subcommand is one word after "localkube".
type subcommand struct {
	name, arguments, about string
	run                    func(args []string) error
	hidden                 bool
}

var subcommands []subcommand

// Filled here, because help itself reads the list.
func init() {
	subcommands = []subcommand{
		{name: "up", arguments: "[flags]", about: "start a cluster and serve until Ctrl-C, or with --detach in the background", run: up},
		{name: "down", arguments: "[--name NAME] [--all]", about: "end a cluster and remove what it left, also after a crash", run: down},
		{name: "status", arguments: "[--name NAME] [--json]", about: "show the clusters, or one cluster's addresses and processes", run: status},
		{name: "kubeconfig", arguments: "[--name NAME]", about: "print the path of a cluster's kubeconfig", run: kubeconfig},
		{name: "kubectl", arguments: "[--name NAME] -- ARGS", about: "run kubectl against a cluster", run: kubectl},
		{name: "logs", arguments: "[--name NAME] --component X", about: "print a component's log", run: logs},
		{name: "restart", arguments: "[--name NAME] --component X [--grace 10s]", about: "restart a component on the same port", run: restart},
		{name: "build", arguments: "[--only A,B]", about: "build the components into the cache", run: buildComponents},
		{name: "crds", arguments: strings.Join(crds.Names(), "|"), about: "print the folder of other projects' CRDs", run: printCRDs},
		{name: "image", arguments: "build|load", about: "write an image archive, or give one to the real node", run: imageCommand},
		{name: "doctor", arguments: "", about: "say what this machine lacks, and how to get it", run: doctorCommand},
		{name: node.InitCommand, run: nodeInit, hidden: true},
		{name: "help", arguments: "", about: "print this", run: help},
	}
}

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		_ = help(nil)
		os.Exit(2)
	}
	if args[0] == "-h" || args[0] == "--help" {
		args[0] = "help"
	}
	for _, s := range subcommands {
		if s.name != args[0] {
			continue
		}
		err := s.run(args[1:])
		var code exitCode
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return
		case errors.As(err, &code):
			os.Exit(int(code))
		}
		fmt.Fprintf(os.Stderr, "localkube %s: %v\n", s.name, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "localkube: there is no command %q; see localkube help\n", args[0])
	os.Exit(2)
}

// exitCode ends the program with that code and without a message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func help([]string) error {
	fmt.Println("localkube runs a real Kubernetes on this machine, on loopback, built from source.")
	fmt.Println()
	for _, s := range subcommands {
		if !s.hidden {
			fmt.Printf("  localkube %s\n      %s\n", strings.TrimSpace(s.name+" "+s.arguments), s.about)
		}
	}
	fmt.Println("\nlocalkube COMMAND -h lists a command's flags.")
	return nil
}

// flags makes a flag set that names the command in its messages.
func flags(command string) *flag.FlagSet {
	return flag.NewFlagSet("localkube "+command, flag.ContinueOnError)
}

// parse refuses words that no flag takes, in which a typing error would hide.
func parse(set *flag.FlagSet, args []string) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return exitCode(2)
	}
	if set.NArg() > 0 {
		return fmt.Errorf("unexpected %q; see %s -h", set.Arg(0), set.Name())
	}
	return nil
}
