package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sluicegate.dev/sluice/e2e/harness"
)

// desk is an operator before the console: a gateway with two tenants, people who are signed in
// to one of them, and a browser.
type desk struct {
	*harness.Browser
	gateway *harness.Gateway
}

const operatorToken = "a token for the console's test"

func newDesk(t *testing.T) *desk {
	t.Helper()
	start := func(release string) *harness.StandIn {
		return harness.StartStandIn(t, harness.StandInConfig{
			Name: release + "-a", Databases: "acme,globex",
			Args: []string{"-release", release, "-header-filter", "-proxy-mode"},
		})
	}
	pool := func(name string, servers ...*harness.StandIn) string {
		var backends []harness.Backend
		for _, s := range servers {
			backends = append(backends, harness.Backend{Name: s.Name, HTTP: s.HTTP, Realtime: s.Realtime, Workers: 8})
		}
		return harness.PoolOf(name, `{version: "18.0", sessions: shared}`, backends, "health: {interval: 300ms, timeout: 3s}", "balance: {fadeIn: 0s, warmUp: 0s}")
	}
	tenant := func(name string, hosts ...string) string {
		return harness.Releases(name, name, hosts, []string{"blue", "green"}, "signIn: {mode: disabled}")
	}
	admin := harness.FreeAddr(t)
	g := harness.StartGateway(t, harness.GatewayConfig{
		Spec:  fmt.Sprintf("  admin:\n    address: %q\n    tokens:\n      - {name: maria, role: operator, tokenFile: maria.token}\n", admin),
		Files: map[string]string{"maria.token": operatorToken + "\n"},
	}, map[string]string{
		"pools.yaml":  harness.Documents(pool("blue", start("blue")), pool("green", start("green"))),
		"acme.yaml":   tenant("acme", "acme.night.test", "www.acme.night.test"),
		"globex.yaml": tenant("globex", "globex.night.test"),
	})
	return &desk{harness.OpenBrowser(t, "http://"+admin), g}
}

// people sign in and stay, the first with a socket.
func (d *desk) people(t *testing.T, count int) {
	t.Helper()
	wires := harness.NewWires(d.gateway.Web)
	t.Cleanup(wires.Close)
	for i := range count {
		u := harness.NewUser(wires, "acme.night.test")
		if err := u.SignIn(t.Context(), "admin"); err != nil {
			t.Fatal(err)
		}
		if err := u.Visit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			continue
		}
		socket, _, err := u.Socket(t.Context(), harness.EchoSocket("18.0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.CloseNow() })
	}
}

// signIn does so without a mouse.
func (d *desk) signIn(t *testing.T) {
	t.Helper()
	d.Open(t, "/console/")
	d.Until(t, "it asks for a token", "document.activeElement?.id === 'token'")
	d.Type(t, operatorToken+kb.Enter)
	d.Until(t, "both tenants are listed, well", "document.querySelectorAll('tbody tr').length === 2 && document.querySelectorAll('tbody .good').length === 2")
	for _, wrong := range d.Wrong() {
		if !strings.Contains(wrong, "401") { // what it asked before it had the token
			t.Errorf("the browser says: %s", wrong)
		}
	}
}

// fine: nothing went wrong in the browser.
func (d *desk) fine(t *testing.T) {
	t.Helper()
	for _, wrong := range d.Wrong() {
		t.Errorf("the browser says: %s", wrong)
	}
}

// shots takes a picture in both colour schemes, wide and narrow, and holds them against what
// can be measured: contrasts, and that nothing is wider than the window.
func (d *desk) shots(t *testing.T, name string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 380} {
			shot := fmt.Sprintf("%s-%s-%d", name, scheme, width)
			d.Look(t, scheme, width, 800)
			d.Shoot(t, shot)
			if pale := harness.Ask[[]string](t, d.Browser, pale4); len(pale) > 0 {
				t.Errorf("%s: text with a contrast below 4.5: %q", shot, pale)
			}
			if wide := harness.Ask[[]string](t, d.Browser, tooWide); len(wide) > 0 {
				t.Errorf("%s: wider than the window: %q", shot, wide)
			}
		}
	}
	d.Look(t, "light", 1280, 800)
}

// pale4 lists texts whose contrast to what is behind them is below 4.5 (WCAG 2.2, 1.4.3).
// Disabled buttons are exempt there.
const pale4 = `(() => {
	const numbers = (colour) => colour.match(/[\d.]+/g).map(Number)
	const bright = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const colour = numbers(getComputedStyle(e).backgroundColor)
			if (colour[3] !== 0) return colour
		}
		return [255, 255, 255]
	}
	return [...document.querySelectorAll('body *')].filter((e) =>
		e.checkVisibility() && !e.disabled && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
		.filter((e) => {
			const [one, two] = [bright(numbers(getComputedStyle(e).color)), bright(behind(e))].sort((a, b) => b - a)
			return (one + 0.05) / (two + 0.05) < 4.5
		}).map((e) => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40))
})()`

// tooWide lists what makes the page scroll sideways.
const tooWide = `document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] : ['the page',
	...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.tagName + '.' + e.className)]`

// cutovers are those that run.
func (d *desk) cutovers(t *testing.T) []harness.View {
	t.Helper()
	var list struct{ Cutovers []harness.View }
	if err := d.gateway.API().Get(t.Context(), "/cutovers", &list); err != nil {
		t.Fatal(err)
	}
	return list.Cutovers
}

// TestConsoleByKeyboard: somebody without a mouse signs in, starts a cutover after having seen
// what it would do, watches it, and aborts it.
func TestConsoleByKeyboard(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.people(t, 3)
	d.signIn(t)
	d.shots(t, "1-tenants")

	d.Press(t, "[data-key=acme]")
	d.Reads(t, "3 sessions, 1 socket")
	d.shots(t, "2-tenant")
	d.Press(t, "[data-key='Start cutover']")
	d.Until(t, "the dialog has the focus", "document.activeElement?.name === 'to'")
	d.TabTo(t, "[name=strategy]")
	d.Type(t, "drain")
	d.TabTo(t, "[name=reason]")
	d.Type(t, "CHG-7: 18.0 tonight"+kb.Enter)
	d.Until(t, "the impact is shown, and Start has the focus", "document.querySelector('.impact').innerText.includes('new sessions') && document.activeElement?.innerText === 'Start'")
	d.Reads(t, "3 sessions, 1 live connection")
	if all := d.cutovers(t); len(all) > 0 {
		t.Errorf("the impact alone has started %v", all)
	}
	d.shots(t, "3-impact")
	d.Type(t, kb.Enter)

	d.Until(t, "the page of the cutover is open and it drains", "location.hash.startsWith('#/cutovers/') && document.querySelector('.steps .now')?.innerText === 'draining'")
	all := d.cutovers(t)
	if len(all) != 1 || all[0].From != "blue" || all[0].To != "green" || all[0].Strategy != "drain" {
		t.Fatalf("what was started is not what was asked for: %v", all)
	}
	c := all[0]
	d.Reads(t, "3 sessions")
	d.shots(t, "4-drain")
	// What is new comes by the stream: without timers nothing is loaded again.
	harness.Ask[bool](t, d.Browser, "(() => { for (let i = setTimeout(() => 0); i > 0; i--) clearTimeout(i); window.setTimeout = () => 0; return true })()")
	d.people(t, 1)
	d.Until(t, "somebody new is seen on the other side", "document.querySelector('.sides').innerText.match(/green\\s+1 session/)")

	d.Press(t, fmt.Sprintf("[data-key='%s/abort']", c.ID))
	d.Until(t, "the dialog has the focus", "document.activeElement?.name === 'reason'")
	d.Type(t, "green is slow"+kb.Enter)
	d.Until(t, "the impact is shown", "document.activeElement?.innerText === 'Abort' && !document.activeElement.closest('main')")
	d.shots(t, "5-abort")
	d.Type(t, kb.Enter)
	d.Until(t, "it is aborted", "document.querySelector('h1 + .badge')?.innerText === 'aborted'")
	d.reported(t, c.ID)
	d.Press(t, "[data-key=Show]")
	d.Until(t, "the report is shown", "document.querySelector('.report')?.innerText.includes('green is slow')")
	d.shots(t, "6-aborted")
	d.Press(t, "[data-key='Save signed']")
	harness.Eventually(t, harness.Patience, "the signed report is saved", func() error {
		text, err := os.ReadFile(filepath.Join(d.Saved, c.ID+".json"))
		if err == nil && !strings.Contains(string(text), `"signature"`) {
			err = fmt.Errorf("%s", text)
		}
		return err
	})

	d.Press(t, "[data-key=tenant]")
	d.Reads(t, "The last cutover")
	d.shots(t, "7-after")
	d.fine(t)
	d.audited(t, "startCutover CHG-7: 18.0 tonight", "abortCutover green is slow")
}

// reported waits until the report is there: it is written after the end.
func (d *desk) reported(t *testing.T, id string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the report", func() error {
		return d.gateway.API().Get(t.Context(), "/cutovers/"+id+"/report", &struct{}{})
	})
}

// audited wants these changes to be in the log, by the token's name.
func (d *desk) audited(t *testing.T, want ...string) {
	t.Helper()
	var log struct {
		Records []struct{ Actor, Operation, Reason string }
	}
	if err := d.gateway.API().Get(t.Context(), "/audit", &log); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range slices.Backward(log.Records) {
		if r.Actor != "maria" {
			t.Errorf("%+v is of somebody else", r)
		}
		got = append(got, r.Operation+" "+r.Reason)
	}
	if !slices.Equal(got, want) {
		t.Errorf("audit log: %q, want %q", got, want)
	}
}

// TestConsoleOperations: the page holds a tenant, puts its page up and takes a server out, and
// says so; what somebody else changes meanwhile is shown again before it is decided.
func TestConsoleOperations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn(t)
	d.TabTo(t, "#filter")
	d.Type(t, "GLO be")
	d.Until(t, "nothing has both words", "document.querySelector('.empty') && document.activeElement.value === 'GLO be'")
	d.Type(t, kb.Backspace+kb.Backspace+kb.Backspace)
	d.Until(t, "one is left, and the cursor stays where it was", "document.querySelectorAll('tbody tr').length === 1 && document.activeElement.value === 'GLO' && document.activeElement.selectionStart === 3")

	d.Press(t, "[data-key=globex]")
	d.Reads(t, "active: blue")
	decide := func(button, reason, verb string) {
		t.Helper()
		selector := fmt.Sprintf("[data-key='%s']", button)
		d.Until(t, button+" is there", fmt.Sprintf("document.querySelector(%q)", selector))
		d.Press(t, selector)
		d.Until(t, "the dialog is open", "document.getElementById('dialog').open")
		d.TabTo(t, "[name=reason]")
		d.Type(t, reason+kb.Enter)
		d.Until(t, "the impact is shown", fmt.Sprintf("document.activeElement?.innerText === %q", verb))
	}
	done := func() {
		t.Helper()
		d.Type(t, kb.Enter)
		d.Until(t, "it is done and said", "!document.getElementById('dialog').open && document.getElementById('said').innerText.includes('done on every gateway')")
	}
	decide("Maintenance page", "CHG-8: restore", "Put the page up")
	done()
	d.Reads(t, "maintenance page")
	d.closed(t, "globex", http.StatusServiceUnavailable)
	decide("Page down", "CHG-8: restored", "Take the page down")
	done()
	d.closed(t, "globex", http.StatusOK)

	// Somebody else decides between the impact and the button.
	decide("Hold", "CHG-9: a moment", "Hold")
	reply, err := d.gateway.API().Write(t.Context(), http.MethodPut, "/tenants/globex/maintenance", "globex", harness.Object{"reason": "somebody else"})
	if err != nil || reply.Status != http.StatusOK {
		t.Fatalf("%d %v %s", reply.Status, err, reply.Body)
	}
	d.Type(t, kb.Enter)
	d.Reads(t, "It was changed meanwhile")
	d.Type(t, kb.Escape)
	d.Until(t, "the dialog is closed and the focus is where it was", "!document.getElementById('dialog').open && document.activeElement?.innerText === 'Hold'")
	if wrong := d.Wrong(); len(wrong) != 1 || !strings.Contains(wrong[0], "412") {
		t.Errorf("the browser says %q, want the refusal alone", wrong)
	}

	decide("Page down", "CHG-9: theirs", "Take the page down")
	done()
	d.shifted(t)

	d.Press(t, "nav a[href='#/pools']")
	d.Reads(t, "green-a")
	decide("green/green-a/drain", "CHG-10: a new kernel", "Drain")
	done()
	d.Until(t, "the server is marked", "document.querySelector(\"[data-key='green/green-a/ready']\")")
	d.shots(t, "8-pools")
	d.Press(t, "nav a[href='#/audit']")
	d.Reads(t, "CHG-10: a new kernel")
	d.shots(t, "9-audit")
	d.Press(t, "nav a[href='#/cutovers']")
	d.Reads(t, "shift, blue to green")
	d.shots(t, "11-cutovers")
	d.fine(t)

	// A gateway that is away leaves the page as it was, and says so.
	d.gateway.Stop(harness.Patience)
	d.Reads(t, "The gateway does not answer")
	d.Reads(t, "shift, blue to green")
	d.Wrong() // that it is away
}

// shifted: the stages and the share that somebody types are those that the gateway gets.
func (d *desk) shifted(t *testing.T) {
	t.Helper()
	d.Press(t, "[data-key='Start cutover']")
	d.TabTo(t, "[name=strategy]")
	d.Type(t, "shift")
	d.TabTo(t, "[name=shares]")
	d.Type(t, "10, 60 %, 100")
	d.TabTo(t, "[name=reason]")
	d.Type(t, "CHG-11: a tenth first"+kb.Enter)
	d.Until(t, "the impact is shown", "document.activeElement?.innerText === 'Start'")
	d.Type(t, kb.Enter)
	d.Reads(t, "10 % of the sessions go to green. Stages: 10 %, 60 %, 100 %")
	c := d.cutovers(t)[0]
	d.Press(t, fmt.Sprintf("[data-key='%s/promote']", c.ID))
	d.Until(t, "the dialog asks for a share", "document.activeElement?.name === 'percent'")
	d.Type(t, "35")
	d.TabTo(t, "[name=reason]")
	d.Type(t, "CHG-11: a bit more"+kb.Enter)
	d.Until(t, "the impact is shown", "document.querySelector('.impact').innerText.includes('35 %') && document.activeElement?.innerText === 'Promote'")
	d.Type(t, kb.Enter)
	d.Reads(t, "35 % of the sessions go to green")
	if now := d.cutovers(t)[0]; now.Percent != 35 {
		t.Errorf("the share is not 35 %%: %v", now)
	}
	d.Press(t, "[data-key=tenant]")
	d.Reads(t, "Decided at runtime")
	d.shots(t, "10-shift")
}

// closed waits until a tenant answers so.
func (d *desk) closed(t *testing.T, tenant string, want int) {
	t.Helper()
	client := harness.Client(d.gateway.Web)
	harness.Eventually(t, harness.Patience, fmt.Sprintf("%s answers %d", tenant, want), func() error {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+tenant+".night.test/web/login", nil)
		if err != nil {
			return err
		}
		reply, err := harness.TryDo(client, request)
		if err == nil && reply.Status != want {
			err = fmt.Errorf("%d", reply.Status)
		}
		return err
	})
}
