// Package node runs one real node beside the fake ones.
package node

import "localkube/internal/pki"

// Node is the real node.
type Node struct{ IP string }

// Clients are the node's users of the API server.
func (n *Node) Clients() []pki.User { return nil }
