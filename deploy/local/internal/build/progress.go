package build

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// progress shows what "go build -v" is at. It is that command's standard error.
type progress struct {
	out      io.Writer
	label    string
	started  time.Time
	terminal bool
	done     chan struct{}

	mu       sync.Mutex
	partial  []byte
	lines    []string
	packages int
	latest   string
}

// A person at a terminal wants to see life; a log wants few lines.
const (
	terminalInterval = time.Second
	logInterval      = 30 * time.Second
)

func newProgress(out io.Writer, label string) *progress {
	p := &progress{out: out, label: label, started: time.Now(), terminal: IsTerminal(out), done: make(chan struct{}), latest: "starting"}
	p.show()
	interval := logInterval
	if p.terminal {
		interval = terminalInterval
	}
	go func() {
		for {
			select {
			case <-p.done:
				return
			case <-time.After(interval):
				p.show()
			}
		}
	}()
	return p
}

// IsTerminal says whether out is a terminal.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// Write takes the go command's lines: import paths, downloads, errors.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partial = append(p.partial, text...)
	for {
		end := bytes.IndexByte(p.partial, '\n')
		if end < 0 {
			return len(text), nil
		}
		line := string(p.partial[:end])
		p.partial = p.partial[end+1:]
		p.take(line)
	}
}

func (p *progress) take(line string) {
	if !strings.Contains(line, " ") {
		p.packages++
		p.latest = line
		return
	}
	if strings.HasPrefix(line, "go: downloading ") {
		p.latest = strings.TrimPrefix(line, "go: ")
		return
	}
	p.lines = append(p.lines, line)
	if len(p.lines) > 40 {
		p.lines = p.lines[1:]
	}
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%s: %s, %d packages, at %s", p.label, p.elapsed(), p.packages, p.latest)
	if p.terminal {
		fmt.Fprintf(p.out, "\r\033[K%.110s", line)
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) elapsed() time.Duration {
	return time.Since(p.started).Round(time.Second)
}

func (p *progress) finish(ok bool) {
	close(p.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
	if ok {
		fmt.Fprintf(p.out, "%s: built in %s\n", p.label, p.elapsed())
	}
}

// tail returns the command's last lines that were neither package nor download.
func (p *progress) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(append(p.lines, string(p.partial)), "\n")
}
