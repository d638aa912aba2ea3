package standin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

const (
	maxForm       = 128 << 20 // DEFAULT_MAX_CONTENT_LENGTH
	maxFormFields = 10 << 20  // of an urlencoded form, since version 18
)

// form is what a request's query and form body say.
type form struct {
	values url.Values
	files  []upload
}

// upload is a file of a form. Its bytes are not kept.
type upload struct {
	Field    string `json:"-"`
	Filename string `json:"filename"`
	MimeType string `json:"mimetype"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

func (f *form) get(name string) string { return f.values.Get(name) }

// query returns the first value of a query parameter.
func (c *call) query(name string) string {
	values, err := url.ParseQuery(c.env["QUERY_STRING"])
	if err != nil && values == nil {
		return ""
	}
	return values.Get(name)
}

// form reads the body once. Values of the body come after those of the query.
func (c *call) form() (*form, error) {
	if c.fields != nil {
		return c.fields, nil
	}
	values, err := url.ParseQuery(c.env["QUERY_STRING"])
	if err != nil && values == nil {
		values = url.Values{}
	}
	c.fields = &form{values: values}
	media, params, err := mime.ParseMediaType(c.env["CONTENT_TYPE"])
	switch {
	case err != nil:
		return c.fields, nil
	case media == "application/x-www-form-urlencoded":
		return c.fields, c.readURLEncoded()
	case media == "multipart/form-data":
		return c.fields, c.readMultipart(params["boundary"])
	}
	return c.fields, nil
}

func tooLarge() error {
	return newHTTPError(http.StatusRequestEntityTooLarge, "The data value transmitted exceeds the capacity limit.")
}

func (c *call) readURLEncoded() error {
	limit := int64(maxForm)
	if c.srv.major >= 18 {
		limit = maxFormFields
	}
	if c.payloadLength > limit {
		return tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(c, limit+1))
	if err != nil {
		return badBody(err)
	}
	if int64(len(body)) > limit {
		return tooLarge()
	}
	values, err := url.ParseQuery(string(body))
	if err != nil && values == nil {
		return nil
	}
	for name, all := range values {
		c.fields.values[name] = append(c.fields.values[name], all...)
	}
	return nil
}

func (c *call) readMultipart(boundary string) error {
	if c.payloadLength > maxForm {
		return tooLarge()
	}
	reader := multipart.NewReader(io.LimitReader(c, maxForm), boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badBody(err)
		}
		if err := c.readPart(part); err != nil {
			return badBody(err)
		}
	}
}

func (c *call) readPart(part *multipart.Part) error {
	if part.FileName() == "" {
		var value bytes.Buffer
		if _, err := value.ReadFrom(part); err != nil {
			return fmt.Errorf("field %s: %w", part.FormName(), err)
		}
		c.fields.values.Add(part.FormName(), value.String())
		return nil
	}
	hash := sha256.New()
	size, err := io.Copy(hash, part)
	c.fields.files = append(c.fields.files, upload{
		Field: part.FormName(), Filename: part.FileName(), MimeType: part.Header.Get("Content-Type"),
		Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)),
	})
	return err
}

// badBody keeps the cause of a body that did not come: a stall is Odoo's own failure, a
// client that left gets nothing.
func badBody(err error) error {
	if errors.Is(err, errClientLeft) {
		return errKilled
	}
	return fmt.Errorf("read body: %w", err)
}
