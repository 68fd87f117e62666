package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"localkube/internal/build"
	"localkube/internal/doctor"
	"localkube/internal/image"
	"localkube/internal/instance"
	"localkube/internal/node"
)

// checkNode says what the machine lacks before anything is built for the node.
func checkNode(o Options) error {
	if !o.RealNode {
		return nil
	}
	if err := doctor.Missing(doctor.RealNode()); err != nil {
		return fmt.Errorf("no real node can run here: %w", err)
	}
	return nil
}

// prepareNode makes what the node stands on. The claim
// is as wide as the packet rules: kube-proxy knows only one set of them.
func (c *cluster) prepareNode(number int) error {
	if !c.claims.Take("real-node") {
		return errors.New("another cluster on this machine has a real node, and there is room for one: end that cluster first (localkube status)")
	}
	if err := c.sweep(); err != nil {
		return err
	}
	c.node = node.New(c.inst, number)
	return c.node.SetUp()
}

// sweep removes what the nodes of other clusters left that were killed with
// their supervisor. The claim is held, so no such node runs any more; an
// instance that is locked is being ended by somebody else right now.
func (c *cluster) sweep() error {
	all, err := instance.All()
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Home == c.inst.Home || !node.Recorded(other) {
			continue
		}
		lock, err := build.TryLock(other.LockPath())
		if errors.Is(err, build.ErrLocked) {
			continue
		}
		if err != nil {
			return err
		}
		c.report.say("removing what the node of %s left when it was killed", other.Name)
		err = clean(other, true)
		lock.Close()
		if err != nil {
			return fmt.Errorf("cannot remove what %s left: %w; try localkube down --name %s", other.Name, err, other.Name)
		}
	}
	return nil
}

// startNode starts the node and gives it its images.
func (c *cluster) startNode(ctx context.Context) error {
	if err := c.node.Forward(ctx, c.ports.apiserver); err != nil {
		return err
	}
	binaries := node.Binaries{Kubernetes: c.programs.kubernetes, CoreDNS: c.programs.coredns}
	spec, err := c.node.Spec(binaries, c.kubeconfig)
	if err != nil {
		return err
	}
	c.report.say("starting the real node at %s on %s", c.node.IP, c.node.Bridge)
	c.state.Node = c.node.State()
	if err := c.launch(spec); err != nil {
		return err
	}
	c.first = c.components[len(c.components)-1]
	if err := c.node.WaitEngine(ctx, time.Minute); err != nil {
		return err
	}
	return c.loadImages(ctx)
}

// appUser is the number of the user that programs in our images run as.
const appUser = 10001

// loadImages gives the node its images: there is no registry to pull from.
func (c *cluster) loadImages(ctx context.Context) error {
	cache, err := build.CacheDir()
	if err != nil {
		return err
	}
	images := []image.Options{{Name: node.PauseImage, Binary: c.programs.pause, Entry: "/pause", User: 65535}}
	rustfs, err := c.rustfs(ctx, cache)
	if err != nil {
		return err
	}
	if rustfs != "" {
		images = append(images, image.Options{Name: "rustfs/rustfs:1.0.1", Binary: rustfs, Entry: "/usr/bin/rustfs", User: appUser,
			// The real image has it, and the operator uses it.
			Tools: []string{"/usr/bin/mkdir"}})
	} else {
		c.report.say("no image of RustFS: set RUSTFS_BIN or RUSTFS_ARCHIVE")
	}
	for _, options := range images {
		archive, err := image.Cached(cache, options)
		if err != nil {
			return err
		}
		if err := c.loadImage(ctx, options.Name, archive); err != nil {
			return err
		}
	}
	return c.loadOperator(ctx)
}

// loadOperator keeps the operator's image out of the cache: it is another one
// after every build.
func (c *cluster) loadOperator(ctx context.Context) error {
	binary := os.Getenv("OPERATOR_BIN")
	if binary == "" {
		return nil
	}
	options := image.Options{Name: "rustfs-operator:dev", Binary: binary, Entry: "/usr/bin/rustfs-operator",
		User: appUser, Out: c.inst.Path("config", "operator.tar")}
	if err := image.Build(options); err != nil {
		return fmt.Errorf("no image of OPERATOR_BIN: %w", err)
	}
	return c.loadImage(ctx, options.Name, options.Out)
}

func (c *cluster) loadImage(ctx context.Context, name, archive string) error {
	c.report.say("loading the image %s", name)
	return node.Load(ctx, c.node.State(), archive)
}

// rustfs finds the RustFS program, or "" if none was named.
func (c *cluster) rustfs(ctx context.Context, cache string) (string, error) {
	if binary := os.Getenv("RUSTFS_BIN"); binary != "" {
		return filepath.Abs(binary)
	}
	if c.opts.RustFSArchive == "" {
		return "", nil
	}
	if _, err := os.Stat(c.opts.RustFSArchive); errors.Is(err, os.ErrNotExist) {
		c.report.say("%s is not there", c.opts.RustFSArchive)
		return "", nil
	}
	return image.Unpack(ctx, cache, c.opts.RustFSArchive, "rustfs")
}
