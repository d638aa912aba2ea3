package harness

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Browser is a tab of a real Chromium. It notes what a page must not do: errors and warnings in
// its console, and requests that go elsewhere.
type Browser struct {
	Saved string // folder of what the page saves

	ctx    context.Context
	origin string

	mu    sync.Mutex
	wrong []string
}

// OpenBrowser starts one, which may ask this origin only. It ends with the test.
func OpenBrowser(t testing.TB, origin string) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("chromium is not installed (make deps): %v", err)
	}
	// The sandbox needs rights that root in a container lacks; the page is ours.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	b := &Browser{origin: origin, Saved: t.TempDir()}
	b.ctx, stop = chromedp.NewContext(ctx, chromedp.WithListener(b.note))
	t.Cleanup(stop)
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	saves := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: b.Saved}
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, saves); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Browser) note(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprintf("console: %s %v", e.Type, e.Args)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			text = fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.URL, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		at, err := url.Parse(e.Request.URL)
		if err != nil || at.Scheme != "blob" && at.Scheme != "data" && at.Scheme+"://"+at.Host != b.origin {
			text = "a request to " + e.Request.URL
		}
	}
	if text == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, text)
}

// Wrong is what went wrong since it was asked last.
func (b *Browser) Wrong() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	wrong := b.wrong
	b.wrong = nil
	return wrong
}

// Do runs actions, one after the other.
func (b *Browser) Do(t testing.TB, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Ask evaluates an expression of the page.
func Ask[T any](t testing.TB, b *Browser, expression string) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Open goes to a page.
func (b *Browser) Open(t testing.TB, path string) {
	t.Helper()
	b.Do(t, "open "+path, chromedp.Navigate(b.origin+path))
}

// Until waits until an expression of the page is true.
func (b *Browser) Until(t testing.TB, what, expression string) {
	t.Helper()
	err := Poll(Patience, func() error {
		yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && !yes {
			err = fmt.Errorf("%s is not so", expression)
		}
		return err
	})
	if err != nil {
		b.Shoot(t, "failed")
		t.Fatalf("%s: %v\nthe page says:\n%s", what, err, b.Text(t))
	}
}

// Reads waits until the page says something.
func (b *Browser) Reads(t testing.TB, text string) {
	t.Helper()
	b.Until(t, "the page says "+text, fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// Text is what the page says.
func (b *Browser) Text(t testing.TB) string {
	t.Helper()
	return Ask[string](t, b, "document.body.innerText")
}

// Type sends keys to what has the focus.
func (b *Browser) Type(t testing.TB, keys string) {
	t.Helper()
	b.Do(t, "type "+keys, chromedp.KeyEvent(keys))
}

// Press goes on with the tabulator until the focus is on what the selector names, then presses
// Enter there: the way of somebody without a mouse.
func (b *Browser) Press(t testing.TB, selector string) {
	t.Helper()
	b.TabTo(t, selector)
	b.Type(t, kb.Enter)
}

// TabTo is Press without Enter.
func (b *Browser) TabTo(t testing.TB, selector string) {
	t.Helper()
	for range 80 {
		b.Type(t, kb.Tab)
		if Ask[bool](t, b, fmt.Sprintf("Boolean(document.activeElement?.matches(%q))", selector)) {
			return
		}
	}
	b.Shoot(t, "failed")
	t.Fatalf("the tabulator does not lead to %s; the page says:\n%s", selector, b.Text(t))
}

// Look sets the colour scheme ("light" or "dark") and the size of the window.
func (b *Browser) Look(t testing.TB, scheme string, width, height int64) {
	t.Helper()
	b.Do(t, "size", chromedp.EmulateViewport(width, height))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatalf("colour scheme %s: %v", scheme, err)
	}
}

// Shoot writes what the window shows into the test's artifacts (kept with go test -artifacts).
func (b *Browser) Shoot(t testing.TB, name string) {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 10*time.Second)
	defer stop()
	path := filepath.Join(t.ArtifactDir(), name+".png")
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(path, picture, 0o644)
	}
	if err != nil {
		t.Errorf("picture %s: %v", name, err)
	}
}
