package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the kernel's unit of processor time in /proc (USER_HZ, 100 on Linux).
const clockTick = 10 * time.Millisecond

// Usage is what a process uses, read from /proc.
type Usage struct {
	RSS  int64         // resident bytes
	Peak int64         // the most that ever were
	FDs  int           // open file descriptors
	CPU  time.Duration // user and system time so far
	Swap int64
}

// UsageOf reads /proc for the process.
func UsageOf(pid int) (Usage, error) {
	var u Usage
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.RSS = 1024 * statusField(string(status), "VmRSS:")
	u.Peak = 1024 * statusField(string(status), "VmHWM:")
	u.Swap = 1024 * statusField(string(status), "VmSwap:")
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return u, err
	}
	u.FDs = len(fds)
	u.CPU, err = cpuTime(pid)
	return u, err
}

func statusField(status, name string) int64 {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command name, in parentheses, may hold anything: count the fields after it.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("short stat line: %q", stat)
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, nil
}
