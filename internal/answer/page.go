package answer

import (
	"bytes"
	"html/template"
	"strconv"
)

// renderPage fills the page. It is parsed anew each time: errors are rare, and a package
// keeps no state.
func renderPage(refusal Refusal, id string) []byte {
	var b bytes.Buffer
	t, err := template.New("page").Parse(pageText)
	if err == nil {
		err = t.Execute(&b, map[string]any{
			"Status": strconv.Itoa(refusal.Status), "Code": refusal.Code,
			"Title": refusal.Title, "Detail": refusal.Detail,
			"Retry": retryText(refusal.RetryAfter), "Seconds": retrySeconds(refusal.RetryAfter),
			"Temporary": refusal.Status >= 500 || refusal.Status == 429 || refusal.Status == 408, "RequestID": id,
		})
	}
	if err != nil {
		return renderText(refusal, id) // a test holds the template; this is for nobody
	}
	return b.Bytes()
}
