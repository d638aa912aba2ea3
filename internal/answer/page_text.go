package answer

// pageText is the page that people see. It loads nothing from anywhere: it must work when
// everything behind the gateway is down.
const pageText = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1c2330;--quiet:#5a6475;--line:#dde1e8}
@media (prefers-color-scheme:dark){:root{--page:#14171c;--card:#1d2128;--text:#e8ebf0;--quiet:#a3acba;--line:#333a45}}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;background:var(--page);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{box-sizing:border-box;width:100%;max-width:34rem;margin:1rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}
p{margin:.5rem 0}
dl{margin:1.5rem 0 0;padding-top:1rem;border-top:1px solid var(--line);font-size:.875rem;color:var(--quiet)}
dt,dd{display:inline;margin:0}
dd{overflow-wrap:anywhere}
code{font-family:ui-monospace,Consolas,monospace}
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
{{- if .Retry}}
<p>Please try again {{.Retry}}.</p>
{{- else if .Temporary}}
<p>Please try again in a moment.</p>
{{- end}}
{{- if .RequestID}}
<p>If this goes on, give your administrator the request id below.</p>
{{- end}}
<dl>
<div><dt>Error:</dt> <dd>{{.Status}} <code>{{.Code}}</code></dd></div>
{{- if .RequestID}}
<div><dt>Request id:</dt> <dd><code>{{.RequestID}}</code></dd></div>
{{- end}}
</dl>
</main>
</body>
</html>
`
