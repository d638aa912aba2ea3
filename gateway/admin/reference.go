package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const referenceHead = `# Operations of the admin API

<!-- Written by "go run ./gateway/admin/reference"; a test holds it in step with the API. -->

All that the API takes and answers; [api.md](api.md) says how to use it. Fields with * are required. Time spans
are text such as ` + "`25s`, `10m`, `2h`" + `; moments are RFC 3339. Every operation may answer 401 and 403 (who
asks), 422 (what was asked), 429 (too many wrong tokens) and 500; those with ` + "`If-Match`" + ` also 409, 412, 428
and 503 (the disk and the store take nothing). What is not yours to see is 404.
`

// Reference is the documentation of the API, as Markdown.
func Reference() string {
	doc := (&Server{}).register(http.NewServeMux())
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, path := range sortedKeys(doc.Paths) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil {
				operationText(&b, op)
			}
		}
	}
	b.WriteString("\n## Types\n")
	types := doc.Components.Schemas.Map()
	for _, name := range sortedKeys(types) {
		if s := types[name]; s.Type == huma.TypeObject && len(s.Properties) > 0 {
			fmt.Fprintf(&b, "\n### %s\n", name)
			fields(&b, s)
		}
	}
	return b.String()
}

func operationText(b *strings.Builder, op *huma.Operation) {
	fmt.Fprintf(b, "\n## %s %s\n\n%s. %s\n", op.Method, op.Path, op.Summary, op.Description)
	rows := [][3]string{}
	for _, p := range op.Parameters {
		name := "`" + p.Name + "`"
		if p.Required && p.In != "path" {
			name += " *"
		}
		rows = append(rows, [3]string{name, p.In + ", " + typeOf(p.Schema), p.Description})
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			rows = append(rows, [3]string{"body", typeOf(media.Schema), ""})
		}
	}
	table(b, [3]string{"takes", "type", ""}, rows)
	rows = rows[:0]
	for _, status := range sortedKeys(op.Responses) {
		r := op.Responses[status]
		if usual(op, status) {
			continue
		}
		rows = append(rows, [3]string{status, contents(r), r.Description})
	}
	table(b, [3]string{"answers", "type", ""}, rows)
}

// usual tells whether the head says when there is such an answer.
func usual(op *huma.Operation, status string) bool {
	all, writes := []string{"401", "403", "404", "422", "429", "500"}, []string{"409", "412", "428", "503"}
	return slices.Contains(all, status) || op.Metadata[matchKey] != nil && slices.Contains(writes, status)
}

// contents names what an answer holds, unless that is a problem.
func contents(r *huma.Response) string {
	var kinds []string
	for _, kind := range sortedKeys(r.Content) {
		switch schema := r.Content[kind].Schema; {
		case kind == "application/problem+json":
		case kind == "application/json" && schema.Ref != "":
			kinds = append(kinds, typeOf(schema))
		default:
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, ", ")
}

func fields(b *strings.Builder, s *huma.Schema) {
	rows := [][3]string{}
	for _, name := range sortedKeys(s.Properties) {
		p := s.Properties[name]
		shown := "`" + name + "`"
		if slices.Contains(s.Required, name) {
			shown += " *"
		}
		text := p.Description
		if len(p.Enum) > 0 {
			text = strings.TrimSpace(text + " (" + strings.Trim(fmt.Sprint(p.Enum), "[]") + ")")
		}
		rows = append(rows, [3]string{shown, typeOf(p), text})
	}
	table(b, [3]string{"field", "type", ""}, rows)
}

func typeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(s.Items)
	case s.Format == "date-time":
		return "moment"
	}
	if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
		return "map of " + typeOf(of)
	}
	return s.Type
}

func table(b *strings.Builder, head [3]string, rows [][3]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s | %s | %s |\n|---|---|---|\n", head[0], head[1], head[2])
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s | %s |\n", r[0], r[1], strings.ReplaceAll(r[2], "|", `\|`))
	}
}
