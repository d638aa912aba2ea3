package harness

import (
	"os/exec"
	"runtime"
)

// spawner is the one thread that starts processes: Linux sends the parent-death signal
// when the thread that made the child ends, and Go ends threads as it likes.
var spawner = func() chan func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
}()

func startLocked(cmd *exec.Cmd) error {
	result := make(chan error)
	spawner <- func() { result <- cmd.Start() }
	return <-result
}
