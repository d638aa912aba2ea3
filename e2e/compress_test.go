package e2e

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestTextIsCompressedAtTheEdge: Odoo's workers send text as it is. What a client cannot
// read, what is no text and what streams goes out unchanged.
func TestTextIsCompressedAtTheEdge(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme"})
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", odoo.HTTP, []string{"acme.test"}),
	})
	client := harness.Client(gateway.Web)
	const page, file = "http://acme.test/standin/echo", "http://acme.test/web/static/size/65536.bin"
	padding := "X-Padding: " + strings.Repeat("abcdefgh", 256) // small answers are not worth it
	plain := harness.Get(t, client, page, padding, "Accept-Encoding: identity")
	if plain.Status != http.StatusOK || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("uncompressed page: %d %q", plain.Status, plain.Header.Get("Content-Encoding"))
	}
	for accepted, want := range map[string]string{"gzip": "gzip", "br, gzip": "br", "zstd, br, gzip": "zstd"} {
		got := harness.Get(t, client, page, padding, "Accept-Encoding: "+accepted)
		if got.Header.Get("Content-Encoding") != want || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("accepting %s: Content-Encoding %q, Vary %q", accepted, got.Header.Get("Content-Encoding"), got.Header.Values("Vary"))
		}
		if want == "gzip" {
			readsLike(t, got.Body, "HTTP_X_PADDING")
		}
	}
	if got := harness.Get(t, client, file, "Accept-Encoding: gzip"); got.Header.Get("Content-Encoding") != "" || len(got.Body) != 65536 {
		t.Errorf("a binary file: Content-Encoding %q, %d bytes", got.Header.Get("Content-Encoding"), len(got.Body))
	}
	if got := harness.Get(t, client, file, "Accept-Encoding: gzip", "Range: bytes=0-99"); got.Status != http.StatusPartialContent || len(got.Body) != 100 {
		t.Errorf("a range: %d, %d bytes", got.Status, len(got.Body))
	}
}

// readsLike unpacks a body.
func readsLike(t *testing.T, body, want string) {
	t.Helper()
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("unpacked: %v, %.200s", err, text)
	}
}
