package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"localkube/internal/build"
	"localkube/internal/crds"
	"localkube/internal/doctor"
	"localkube/internal/image"
	"localkube/internal/instance"
	"localkube/internal/node"
)

func printCRDs(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one of: %s", strings.Join(crds.Names(), ", "))
	}
	cache, err := build.CacheDir()
	if err != nil {
		return err
	}
	folder, err := crds.Folder(context.Background(), cache, args[0])
	if err == nil {
		fmt.Println(folder)
	}
	return err
}

func imageCommand(args []string) error {
	if len(args) > 0 && args[0] == "build" {
		return imageBuild(args[1:])
	}
	if len(args) > 0 && args[0] == "load" {
		return imageLoad(args[1:])
	}
	return errors.New("say what to do: localkube image build, or localkube image load")
}

func imageBuild(args []string) error {
	var o image.Options
	set := flags("image build")
	set.StringVar(&o.Name, "name", "", "the image's name, as in rustfs/rustfs:1.0.1")
	set.StringVar(&o.Binary, "binary", "", "the program to put into it")
	set.StringVar(&o.Entry, "entry", "", "the program's path in the image; /usr/bin/ and its name by default")
	set.IntVar(&o.User, "user", 10001, "number of the user and group that run it")
	set.StringVar(&o.Out, "out", "", "the archive to write")
	set.Func("tool", "another program to put into it, at its own path; may be given again", func(path string) error {
		o.Tools = append(o.Tools, path)
		return nil
	})
	if err := parse(set, args); err != nil {
		return err
	}
	if o.Name == "" || o.Binary == "" || o.Out == "" {
		return errors.New("--name, --binary and --out are needed")
	}
	if o.Entry == "" {
		o.Entry = "/usr/bin/" + filepath.Base(o.Binary)
	}
	return image.Build(o)
}

func imageLoad(args []string) error {
	set := flags("image load")
	name := nameFlag(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() != 1 {
		return errors.New("name one archive: localkube image load [--name NAME] X.tar")
	}
	inst, err := instance.Open(*name, "")
	if err != nil {
		return err
	}
	state, err := inst.Running()
	if err != nil {
		return err
	}
	if state.Node == nil {
		return fmt.Errorf("the cluster %q has no real node: start it with --real-node", *name)
	}
	return node.Load(context.Background(), state.Node, set.Arg(0))
}

func doctorCommand(args []string) error {
	set := flags("doctor")
	if err := parse(set, args); err != nil {
		return err
	}
	missing := false
	for _, part := range []struct {
		title  string
		checks []doctor.Check
	}{{"a cluster", doctor.Cluster()}, {"a real node (--real-node)", doctor.RealNode()}} {
		fmt.Printf("for %s:\n", part.title)
		for _, check := range part.checks {
			if check.Missing {
				missing = true
				fmt.Printf("  MISSING  %s: %s\n", check.What, check.Fix)
			} else {
				fmt.Printf("  ok       %s: %s\n", check.What, check.Found)
			}
		}
	}
	if missing {
		return exitCode(1)
	}
	return nil
}

func nodeInit(args []string) error {
	if len(args) != 1 {
		return errors.New("this is for localkube's own use")
	}
	err := node.Init(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return err
}
