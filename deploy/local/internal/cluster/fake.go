package cluster

import (
	"context"
	"fmt"
	"time"

	"localkube/internal/kube"
)

// createFakeNodes registers nodes that kwok then pretends to run.
func (c *cluster) createFakeNodes(ctx context.Context) error {
	for number := range c.opts.Nodes {
		if err := c.client.Create(ctx, "/api/v1/nodes", fakeNode(number, c.opts)); err != nil {
			return fmt.Errorf("cannot create fake node %d: %w", number, err)
		}
	}
	return nil
}

func fakeNode(number int, o Options) kube.Object {
	name := fmt.Sprintf("fake-%d", number)
	resources := kube.Object{"cpu": o.NodeCPU, "memory": o.NodeMemory, "pods": "250", "ephemeral-storage": "100Gi"}
	return kube.Object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": kube.Object{
			"name":        name,
			"annotations": kube.Object{"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
			"labels": kube.Object{
				"kwok":                          "true",
				"kubernetes.io/hostname":        name,
				"kubernetes.io/os":              "linux",
				"kubernetes.io/arch":            "amd64",
				"topology.kubernetes.io/region": "local",
				"topology.kubernetes.io/zone":   zone(number, o.Zones),
			},
		},
		"status": kube.Object{"allocatable": resources, "capacity": resources},
	}
}

func zone(number, zones int) string { return "zone-" + string(rune('a'+number%zones)) }

// nodeList is what of the nodes says whether they are ready.
type nodeList struct {
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Spec struct {
			Taints []struct {
				Key string `json:"key"`
			} `json:"taints"`
		} `json:"spec"`
		Status struct {
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	} `json:"items"`
}

// readyNodes counts the nodes that take Pods: Ready, and without the taint
// that the controller manager removes a moment later.
func (c *cluster) readyNodes(ctx context.Context) (int, error) {
	var nodes nodeList
	if err := c.client.Get(ctx, "/api/v1/nodes", &nodes); err != nil {
		return 0, err
	}
	count := 0
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && len(node.Spec.Taints) == 0 {
				count++
			}
		}
	}
	return count, nil
}

// poll calls check until it returns nil, limit has passed or ctx ends.
func poll(ctx context.Context, limit time.Duration, what string, check func(context.Context) error) error {
	deadline := time.Now().Add(limit)
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %s: %w", what, limit, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
