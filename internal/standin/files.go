package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

func fileRoutes() []*route {
	return []*route{
		{path: "/web/assets/", auth: authPublic, methods: "GET, HEAD", handle: webAsset},
		{path: "/web/content/", auth: authPublic, methods: "GET, HEAD", handle: webContent},
		{path: "/web/image/", auth: authPublic, methods: "GET, HEAD", handle: webImage},
		{path: "/logo.png", auth: authNone, handle: webImage},
		{path: "/web/binary/upload_attachment", auth: authUser, methods: "POST", csrf: true, handle: uploadAttachment},
		{path: "/mail/attachment/upload", auth: authPublic, methods: "POST", csrf: true, addon: true, handle: uploadAttachment},
		{path: "/report/pdf/", auth: authUser, handle: report},
		{path: "/report/html/", auth: authUser, handle: report},
		{path: "/report/text/", auth: authUser, handle: report},
		{path: "/report/download", auth: authUser, csrf: true, handle: reportDownload},
		{path: "/report/barcode/", auth: authPublic, handle: webImage},
		{path: "/web/export/", auth: authUser, methods: "POST", csrf: true, handle: reportDownload},
	}
}

// isStatic says whether a path is a file of a module: served before session and database are
// looked at.
func isStatic(p string) bool {
	module, rest, ok := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return ok && module != "" && strings.HasPrefix(rest, "static/") && len(rest) > len("static/") && !strings.Contains(p, "..")
}

// serveStatic has a file for every name but those that hold "missing", and those that only
// another release has: /web/static/only/blue/new.js. A name such as /web/static/size/4096.bin
// decides how long it is.
func (c *call) serveStatic() error {
	_, only, restricted := strings.Cut(c.path, "/static/only/")
	if strings.Contains(c.path, "missing") || restricted && !strings.HasPrefix(only, c.srv.cfg.Release+"/") {
		return c.fail(notFound())
	}
	c.header.Set("Cache-Control", "public, max-age=604800")
	size, err := strconv.ParseInt(strings.TrimSuffix(path.Base(c.path), ".bin"), 10, 64)
	if err == nil && strings.Contains(c.path, "/static/size/") {
		return c.serveFile(c.path, NewPattern(size))
	}
	text := fmt.Sprintf("/* %s of Odoo %s %s */\n", c.path, c.srv.cfg.Version, c.srv.cfg.Release)
	return c.serveFile(c.path, strings.NewReader(text))
}

// serveFile answers with a file: entity tag, ranges, conditions and HEAD.
func (c *call) serveFile(name string, content io.ReadSeeker) error {
	sum := sha256.Sum256([]byte(name + c.srv.cfg.Version + c.srv.cfg.Release))
	c.header.Set("ETag", `"`+hex.EncodeToString(sum[:10])+`"`)
	if c.header.Get("Content-Type") == "" {
		c.header.Set("Content-Type", typeOf(name))
	}
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	http.ServeContent(&c.response, c.asRequest(), "", modified, content)
	return c.sent(c.err)
}

// asRequest is as much of a request as http.ServeContent asks for.
func (c *call) asRequest() *http.Request {
	r := &http.Request{Method: c.method, Header: http.Header{}}
	for _, f := range c.head.fields {
		r.Header.Add(f.name, f.value)
	}
	return r
}

func typeOf(name string) string {
	if found := mime.TypeByExtension(path.Ext(name)); found != "" {
		return found
	}
	return "application/octet-stream"
}

// assetHash depends on the release: a page of one release asks the other for a hash that it
// does not have.
func (s *Server) assetHash(bundle string) string {
	sum := sha256.Sum256([]byte(bundle + s.cfg.Version + s.cfg.Release))
	return hex.EncodeToString(sum[:])[:7]
}

func (s *Server) assetPath(bundle string) string {
	return "/web/assets/" + s.assetHash(bundle) + "/" + bundle
}

// webAsset serves a bundle for ever, and yet sets a session cookie for clients without one.
func webAsset(c *call) error {
	hash, bundle, ok := strings.Cut(c.tail, "/")
	if !ok || !strings.Contains(bundle, ".min.") {
		return notFound()
	}
	if hash != c.srv.assetHash(bundle) {
		return c.redirect(http.StatusSeeOther, c.srv.assetPath(bundle))
	}
	c.header.Set("Cache-Control", "public, max-age=31536000, immutable")
	text := fmt.Sprintf("/* %s of Odoo %s %s */\n%s", bundle, c.srv.cfg.Version, c.srv.cfg.Release, strings.Repeat("/* code */\n", 400))
	return c.serveFile(bundle, strings.NewReader(text))
}

// webContent serves attachments; the last part of the path is the name to save it under, and
// /web/content/big?size=BYTES is as long as asked for.
func webContent(c *call) error {
	c.privateCache()
	name := path.Base(c.tail)
	disposition := "inline"
	if c.query("download") != "" {
		disposition = "attachment"
	}
	c.header.Set("Content-Disposition", disposition+"; filename*=UTF-8''"+url.PathEscape(name))
	if size, err := strconv.ParseInt(c.query("size"), 10, 64); err == nil {
		return c.serveFile(name, NewPattern(size))
	}
	return c.serveFile(name, strings.NewReader("content "+c.tail+"\n"))
}

// webImage is one pixel. Version 17 marks even private images as public.
func webImage(c *call) error {
	c.privateCache()
	c.header.Set("Content-Type", "image/png")
	return c.serveFile(c.path, strings.NewReader("\x89PNG\r\n\x1a\n"+c.path))
}

func (c *call) privateCache() {
	unique := c.query("unique") != ""
	switch {
	case unique && c.srv.major <= 17:
		c.header.Set("Cache-Control", "public, max-age=31536000")
	case unique:
		c.header.Set("Cache-Control", "max-age=31536000, private, immutable")
	default:
		c.header.Set("Cache-Control", "no-cache, private")
	}
}

func uploadAttachment(c *call) error {
	f, err := c.form()
	if err != nil {
		return err
	}
	if f.files == nil {
		f.files = []upload{}
	}
	if err := c.remember("ir.attachment", f.get("marker")); err != nil {
		return err
	}
	return c.sendJSON(http.StatusOK, f.files)
}

// report takes its time, and blocks its worker meanwhile.
func report(c *call) error {
	took := c.srv.cfg.ReportTime
	if asked, err := strconv.ParseFloat(c.query("seconds"), 64); err == nil {
		took = Seconds(asked).Duration()
	}
	c.srv.reports.begun.Add(1)
	if err := c.sleep(took); err != nil {
		return err
	}
	defer c.srv.reports.done.Add(1)
	if strings.HasPrefix(c.path, "/report/pdf/") {
		pdf := fmt.Sprintf("%%PDF-1.4\n%% %s database %s report %s\n%%%%EOF\n", c.srv.cfg.Name, c.db, c.tail)
		return c.send(http.StatusOK, "application/pdf", []byte(pdf))
	}
	return c.page("<html><body>report " + url.PathEscape(c.tail) + "</body></html>\n")
}

func reportDownload(c *call) error {
	c.header.Set("Content-Disposition", "attachment; filename*=UTF-8''report.pdf")
	c.header.Add("Set-Cookie", "fileToken=dummy; Path=/")
	return report(c)
}
