package odoo

import "testing"

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		why, version, path string
		want               Class
	}{
		{"the socket", "16.0", "/websocket", Realtime},
		{"the socket", "19.0", "/websocket", Realtime},
		{"no socket before 16", "15.0", "/websocket", Web},
		{"JSON beside the socket", "18.0", "/websocket/peek_notifications", Web},
		{"the socket has no language", "18.0", "/fr/websocket", Web},
		{"the socket exactly", "18.0", "/websocket2", Web},
		{"longpolling before 16", "14.0", "/longpolling/poll", Realtime},
		{"longpolling before 16", "15.0", "/longpolling/im_status", Realtime},
		{"no longpolling from 16 on", "16.0", "/longpolling/poll", Web},
		{"XML-RPC", "17.0", "/xmlrpc/2/object", RPC},
		{"XML-RPC v1", "17.0", "/xmlrpc/common", RPC},
		{"XML-RPC under a language", "17.0", "/fr/xmlrpc/2/common", RPC},
		{"JSON-RPC", "17.0", "/jsonrpc", RPC},
		{"JSON-RPC under anything", "17.0", "/q/jsonrpc/", RPC},
		{"JSON-2", "19.0", "/json/2/res.partner/search", RPC},
		{"no JSON-2 in 18", "18.0", "/json/2/res.partner/search", Web},
		{"JSON-1", "18.0", "/json/1/sale", RPC},
		{"JSON-2's version page", "19.0", "/json/version", Web},
		{"web client's calls", "18.0", "/web/dataset/call_kw/res.partner/read", Web},
		{"the web client", "18.0", "/odoo/sales", Web},
		{"a report", "18.0", "/report/pdf/sale.report_saleorder/1", Report},
		{"a report in a language", "18.0", "/fr_BE/report/html/x/1", Report},
		{"a download", "18.0", "/report/download", Report},
		{"an export", "18.0", "/web/export/xlsx", Report},
		{"a pivot", "18.0", "/web/pivot/export_xlsx", Report},
		{"barcodes are quick", "18.0", "/report/barcode/QR/x", Web},
		{"the export's dialogue", "18.0", "/web/export/get_fields", Web},
		{"portal", "18.0", "/my", Portal},
		{"portal", "18.0", "/my/invoices/3", Portal},
		{"portal in a language", "18.0", "/nl/my/orders", Portal},
		{"portal mail link", "18.0", "/mail/view", Portal},
		{"not portal", "18.0", "/mymodule", Web},
		{"payment callbacks", "18.0", "/payment/stripe/webhook", Web},
		{"automation hooks", "18.0", "/web/hook/1b4e28ba-2fa1-11d2-883f-0016d3cca427", Web},
		{"module files", "18.0", "/web/static/src/x.js", Static},
		{"module files", "18.0", "/sale_stock/static/img/x.png", Static},
		{"static deeper down is a page", "18.0", "/shop/b/static/x", Web},
		{"bundles", "17.0", "/web/assets/1a2b3c4/web.assets_web.min.js", Static},
		{"bundles", "16.0", "/web/assets/123-1a2b3c4/web.assets_common.min.js", Static},
		{"bundles of 14", "14.0", "/web/content/321-1a2b3c4/web.assets_common.js", Static},
		{"attachments of 14", "14.0", "/web/content/321/file.pdf", Web},
		{"attachments of 14 by a short unique", "14.0", "/web/content/321-abc/file.pdf", Web},
		{"attachments", "18.0", "/web/content/321-1a2b3c4/file.pdf", Web},
		{"images hold records", "18.0", "/web/image/res.partner/1/avatar_128", Web},
		{"health", "18.0", "/web/health", Health},
		{"health of the bus", "18.0", "/websocket/health", Health},
		{"health has no language", "18.0", "/fr/web/health", Web},
		{"the root", "18.0", "/", Web},
	} {
		if got := profileFor(t, c.version).Classify(c.path, "GET"); got != c.want {
			t.Errorf("%s: %s in %s is %s, want %s", c.why, c.path, c.version, got, c.want)
		}
	}
}

func TestProfileFor(t *testing.T) {
	for version, want := range map[string]struct {
		version string
		exact   bool
	}{
		"14.0": {"14.0", true}, "15.0": {"15.0", true}, "16.0": {"16.0", true}, "17.0": {"17.0", true}, "18.0": {"18.0", true}, "19.0": {"19.0", true},
		"18": {"18.0", true}, "18.0+e": {"18.0", true}, "18.0-20250725": {"18.0", true},
		"saas~18.2": {"18.0", false}, "saas-17.4": {"17.0", false}, "18.3": {"18.0", false}, "saas~18": {"18.0", false},
		"20.0": {"19.0", false}, "13.0": {"14.0", false}, "master": {"19.0", false}, "": {"19.0", false},
	} {
		if p, exact := ProfileFor(version); p.Version != want.version || exact != want.exact {
			t.Errorf("ProfileFor(%q) = %s, %v; want %s, %v", version, p.Version, exact, want.version, want.exact)
		}
	}
	for _, p := range profiles() {
		if p.Websocket == p.Longpolling {
			t.Errorf("%s: exactly one of websocket and longpolling", p.Version)
		}
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	p := profileFor(t, "18.0")
	cookies := []string{"frontend_lang=en_US; session_id=" + sid84}
	n := testing.AllocsPerRun(100, func() {
		_, _, _ = CanonicalHost("erp.acme.example:8443")
		path, _ := DecodePath("/fr/web/dataset/call_kw")
		_ = p.Classify(path, "POST")
		_ = EncodedOK("/web/content/1/50%25", Web)
		_, _ = SessionKey(cookies)
		_, _ = CleanCookies(cookies)
		_, _ = CleanQuery("debug=1&menu_id=3")
		_ = ForeignHeader("X-Forwarded-Host")
		_ = ForeignHeader("Accept-Language")
		_ = ResponseHeaderDropped("Content-Type")
		_, _ = ScanKind(path, "POST", "application/json")
	})
	if n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	p := profileFor(b, "18.0")
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = CanonicalHost("erp.acme.example:8443")
		path, _ := DecodePath("/web/dataset/call_kw/res.partner/web_search_read")
		_ = p.Classify(path, "POST")
	}
}
