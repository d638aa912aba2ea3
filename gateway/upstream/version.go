package upstream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	versionTimeout = 6 * time.Second
	versionQuery   = `{"jsonrpc":"2.0","method":"call","params":{}}`
)

// errNoVersion is returned while no server of a pool says which Odoo it is.
var errNoVersion = errors.New("no server says its version")

// Version asks the servers of a pool which Odoo they run, and returns the first answer:
// "18.0". The call needs neither a database nor a session (Odoo 14 to 19).
func (u *Upstream) Version(ctx context.Context, pool string) (string, error) {
	live, ok := (*u.pools.Load())[pool]
	if !ok {
		return "", fmt.Errorf("pool %s: %w", pool, errNoVersion)
	}
	err := errNoVersion
	for _, b := range *live.backends.Load() {
		if !b.health.now().serves() {
			continue
		}
		version, failure := askVersion(ctx, b.http)
		if failure == nil {
			return version, nil
		}
		err = fmt.Errorf("backend %s: %w", b.name, failure)
	}
	return "", fmt.Errorf("pool %s: %w", pool, err)
}

func askVersion(ctx context.Context, e *endpoint) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	c, err := e.dial(ctx, versionTimeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	c.begin(bufio.NewReaderSize(nil, readerSize), versionTimeout)
	if _, err := c.Write(versionRequest(e.host)); err != nil {
		return "", err
	}
	response, err := c.readHead(&request{}) //nolint:bodyclose // the connection is closed instead
	if err != nil {
		return "", err
	}
	return readVersion(response)
}

func versionRequest(host string) []byte {
	return []byte("POST /web/webclient/version_info HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: sluice-health\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
		strconv.Itoa(len(versionQuery)) + "\r\n\r\n" + versionQuery)
}

func readVersion(response *http.Response) (string, error) {
	var answer struct {
		Result struct {
			Version string `json:"server_version"`
		} `json:"result"`
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("version page: %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, probeBody)).Decode(&answer); err != nil {
		return "", fmt.Errorf("version page: %w", err)
	}
	if answer.Result.Version == "" {
		return "", errNoVersion
	}
	return answer.Result.Version, nil
}
