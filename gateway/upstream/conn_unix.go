//go:build unix

package upstream

import (
	"errors"
	"syscall"
)

// quietSocket looks at a non-blocking socket without taking anything: EAGAIN is the only
// answer of a connection that is open and has nothing to say.
func quietSocket(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
	return errors.Is(err, syscall.EAGAIN)
}
