// Package doctor says what this machine lacks.
package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"localkube/internal/node"
)

// Check is one thing that is there or not.
type Check struct {
	// What is looked for and what was found.
	What, Found string
	// Missing says that it is needed and not there; Fix is what to do.
	Missing bool
	Fix     string
}

// Cluster checks what a cluster with fake nodes needs.
func Cluster() []Check {
	version := goVersion()
	return []Check{{
		What: "Go 1.26 or newer (only to build)", Found: version, Missing: !atLeast(version, 1, 26),
		Fix: "install it from the Go project's site or your distribution, and put go on PATH",
	}}
}

// goVersion is what the go command says, without letting it fetch another one.
func goVersion() string {
	cmd := exec.Command("go", "env", "GOVERSION")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(out))
}

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "go"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	gotMajor, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	digits := strings.IndexFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		parts[1] = parts[1][:digits]
	}
	gotMinor, err := strconv.Atoi(parts[1])
	return err == nil && (gotMajor > major || gotMajor == major && gotMinor >= minor)
}

// RealNode checks what a real node needs besides.
func RealNode() []Check {
	checks := []Check{{
		What: "root", Found: "user " + strconv.Itoa(os.Getuid()), Missing: os.Getuid() != 0,
		Fix: "run as root: containers, mounts and network interfaces need it",
	}}
	for _, p := range []struct{ program, needed, pkg string }{
		{"containerd", "the container engine", "containerd"},
		{"containerd-shim-runc-v2", "its helper", "containerd"},
		{"ctr", "its client", "containerd"},
		{"runc", "to run containers", "runc"},
		{"nft", "for kube-proxy's rules", "nftables"},
		{"ip", "for the bridge", "iproute2"},
		{"nsenter", "for volumes with a size", "util-linux"},
		{"ldd", "for images of dynamic programs", "libc-bin"},
		{"xz", "for a packed RustFS", "xz-utils"},
	} {
		path, err := exec.LookPath(p.program)
		checks = append(checks, Check{What: p.program + ", " + p.needed, Found: path, Missing: err != nil, Fix: "apt-get install " + p.pkg})
	}
	plugins := node.CNIPlugins()
	checks = append(checks,
		Check{What: "network plugins (CNI)", Found: plugins, Missing: plugins == "", Fix: "apt-get install containernetworking-plugins"},
		Check{What: "overlay file system", Found: "in /proc/filesystems", Missing: !overlay(), Fix: "modprobe overlay"},
		packetRules())
	return checks
}

func overlay() bool {
	text, err := os.ReadFile("/proc/filesystems")
	return err != nil || strings.Contains(string(text), "\toverlay\n") || exec.Command("modprobe", "overlay").Run() == nil
}

// packetRules tries the kernel's side; the program alone is not enough.
func packetRules() Check {
	check := Check{What: "packet rules (nf_tables) in the kernel", Found: "answer", Fix: "modprobe nf_tables, or a kernel that has it"}
	if os.Getuid() != 0 {
		check.Found = "not tried, only root may"
		return check
	}
	out, err := exec.Command("nft", "list", "tables").CombinedOutput()
	if err != nil {
		check.Missing, check.Found = true, strings.TrimSpace(string(out))
	}
	return check
}

// Missing is an error that lists what lacks, or nil.
func Missing(checks []Check) error {
	var lines []string
	for _, c := range checks {
		if c.Missing {
			lines = append(lines, fmt.Sprintf("  %s: %s", c.What, c.Fix))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("this machine lacks:\n%s", strings.Join(lines, "\n"))
}
