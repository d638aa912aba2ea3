// Package regfishapi is the small part of the regfish DNS API that an ACME DNS-01
// challenge needs: add a record, delete a record. The module proxy does not serve the
// vendor's own client.
package regfishapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	recordsURL   = "https://api.regfish.de/dns/rr"
	answerLimit  = 1 << 20
	defaultLimit = 30 * time.Second
)

// Client calls the API with one key.
type Client struct {
	// Client sends the requests; the caller may replace it.
	Client *http.Client

	apiKey string
	url    string
}

// Record is one resource record. Name is a fully qualified name with its dot.
type Record struct {
	ID         int     `json:"id,omitempty"`
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Data       string  `json:"data"`
	TTL        int     `json:"ttl,omitempty"`
	Priority   *int    `json:"priority,omitempty"`
	Annotation *string `json:"annotation,omitempty"`
}

// NewClient returns a client for apiKey.
func NewClient(apiKey string) *Client {
	return &Client{Client: &http.Client{Timeout: defaultLimit}, apiKey: apiKey, url: recordsURL}
}

// AddRecord creates record and returns it as the API stored it, with its ID.
func (c *Client) AddRecord(ctx context.Context, record Record) (Record, error) {
	var stored Record
	err := c.call(ctx, http.MethodPost, c.url, record, &stored)
	return stored, err
}

// DeleteRecordByRRID deletes the record with that ID.
func (c *Client) DeleteRecordByRRID(ctx context.Context, id int) error {
	return c.call(ctx, http.MethodDelete, c.url+"/"+strconv.Itoa(id), nil, nil)
}

type envelope struct {
	Success  bool            `json:"success"`
	Message  string          `json:"message"`
	Error    string          `json:"error"`
	Response json.RawMessage `json:"response"`
}

func (c *Client) call(ctx context.Context, method, url string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("regfish: encode: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return fmt.Errorf("regfish: %w", err)
	}
	req.Header.Set("x-api-key", c.apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Client.Do(req)
	if err != nil {
		return fmt.Errorf("regfish: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	return decode(resp, out)
}

// decode reads the API's envelope. A failure may come as a status, or as success=false.
func decode(resp *http.Response, out any) error {
	var answer envelope
	err := json.NewDecoder(io.LimitReader(resp.Body, answerLimit)).Decode(&answer)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("regfish: status %d: %s%s", resp.StatusCode, answer.Message, answer.Error)
	}
	if err != nil {
		return fmt.Errorf("regfish: decode: %w", err)
	}
	if !answer.Success {
		return fmt.Errorf("regfish: refused: %s%s", answer.Message, answer.Error)
	}
	if out == nil || len(answer.Response) == 0 {
		return nil
	}
	return json.Unmarshal(answer.Response, out)
}
