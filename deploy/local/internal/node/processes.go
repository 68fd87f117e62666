package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"localkube/internal/instance"
	"localkube/internal/proc"
)

// Processes lists the programs inside the node by their numbers outside.
func (n *Node) Processes(first proc.ID) []instance.Component {
	var inside map[string]int
	if readJSON(n.pidsPath(), &inside) != nil {
		return nil
	}
	names := map[int]string{}
	for name, pid := range inside {
		names[pid] = name
	}
	var found []instance.Component
	for _, pid := range children(first.PID) {
		name, known := names[insideNumber(pid)]
		id, err := proc.Identify(pid)
		if known && err == nil {
			found = append(found, instance.Component{Name: name, ID: id, Log: n.inst.LogPath(name)})
		}
	}
	return found
}

func children(pid int) []int {
	var all []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// insideNumber is a process's number in the innermost namespace.
func insideNumber(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, line := range strings.Split(string(text), "\n") {
		if numbers, found := strings.CutPrefix(line, "NSpid:"); found {
			fields := strings.Fields(numbers)
			if len(fields) > 0 {
				number, _ := strconv.Atoi(fields[len(fields)-1])
				return number
			}
		}
	}
	return 0
}
