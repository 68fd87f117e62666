package instance

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"strconv"
)

// Claims holds ports and address ranges for as long as this process lives.
//
// A claim is a bound socket in the kernel's abstract name space: no other
// process can have it, it ends with the process even after a crash, it needs
// no file, and it is as wide as the thing it guards, the network namespace.
type Claims struct {
	held []net.Listener
}

// Take claims a name; false means that another process has it.
func (c *Claims) Take(name string) bool {
	listener, err := net.Listen("unix", "@localkube/"+name)
	if err != nil {
		return false
	}
	c.held = append(c.held, listener)
	return true
}

// Release gives up every claim.
func (c *Claims) Release() {
	for _, listener := range c.held {
		listener.Close()
	}
	c.held = nil
}

// Numbers for 127.<n>.0.0/16 and 10.244.<n>.0/24; below 16 other programs on
// a developer's machine are at home.
const (
	firstRange = 16
	lastRange  = 250
)

// Range claims one n for the instance. The same name gets the same n when it
// is free, so that addresses look alike from run to run.
func (c *Claims) Range(name string) (int, error) {
	for _, n := range rangeOrder(name) {
		if c.Take("range/" + strconv.Itoa(n)) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("all %d address ranges are in use: end a cluster with localkube down", lastRange-firstRange+1)
}

func rangeOrder(name string) []int {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	count := lastRange - firstRange + 1
	first := int(sum.Sum32() % uint32(count))
	order := make([]int, count)
	for i := range order {
		order[i] = firstRange + (first+i)%count
	}
	return order
}

// Ports are taken from below the range that the kernel itself hands out, so
// that an outgoing connection cannot take one before its server has started.
const (
	firstPort = 20000
	lastPort  = 32000
)

// Port claims a port that is free for TCP and UDP on 127.0.0.1.
func (c *Claims) Port() (int, error) {
	for range 500 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if portFree(port) && c.Take("port/"+strconv.Itoa(port)) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d on 127.0.0.1", firstPort, lastPort)
}

func portFree(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	udp.Close()
	return true
}
