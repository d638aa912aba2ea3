package keyring

import (
	"bufio"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	keySize = 32 // bytes: as long as the hash that uses it
	header  = "# Keys of Sluice, one a line: name, secret. The first signs, all verify. Keep a copy, not in Git.\n"
)

// Ring is the keys of one gateway.
type Ring struct{ keys []key }

type key struct {
	name   string
	secret []byte
}

// Key is a key for one purpose.
type Key struct {
	Name   string // not secret: says which key signed
	Secret []byte
}

// Webhooks is the purpose of the key that signs what webhooks are told.
const Webhooks = "webhooks"

// Text is a key as people pass it on.
func (k Key) Text() string { return hex.EncodeToString(k.Secret) }

// Open reads the ring at path, and makes one there when the file is absent. A file that
// others may read is refused: whoever can read it can sign in as anybody.
func Open(path string, now time.Time) (*Ring, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path, now); err != nil {
			return nil, err
		}
		file, err = os.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("key ring %s is open to everybody on this machine: chmod 600 %s", path, path)
	}
	return parse(path, bufio.NewScanner(file))
}

func parse(path string, lines *bufio.Scanner) (*Ring, error) {
	ring := &Ring{}
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		name, encoded, _ := strings.Cut(text, " ")
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || len(secret) < keySize {
			return nil, fmt.Errorf("key ring %s, line %d: want a name and %d bytes of base64", path, number, keySize)
		}
		ring.keys = append(ring.keys, key{name, secret})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("key ring %s: %w", path, err)
	}
	if len(ring.keys) == 0 {
		return nil, fmt.Errorf("key ring %s holds no key: remove the file and a new one is made, which ends all pins and sessions", path)
	}
	return ring, nil
}

// create writes a ring of one key. It links the finished file into place, so that two
// gateways that start at once agree on one.
func create(path string, now time.Time) error {
	secret := make([]byte, keySize)
	rand.Read(secret)                                         // never fails
	temp, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // linked by then, or of no use
	line := now.UTC().Format("k20060102T150405Z") + " " + base64.StdEncoding.EncodeToString(secret) + "\n"
	_, err = temp.WriteString(header + line)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key ring: %w", err)
	}
	return nil
}

// For derives the keys for one purpose, the signing one first (HKDF, RFC 5869).
func (r *Ring) For(purpose string) ([]Key, error) {
	keys := make([]Key, 0, len(r.keys))
	for _, k := range r.keys {
		secret, err := hkdf.Key(sha256.New, k.secret, nil, "sluice "+purpose, keySize)
		if err != nil {
			return nil, fmt.Errorf("derive key %s: %w", k.name, err)
		}
		keys = append(keys, Key{k.name, secret})
	}
	return keys, nil
}
