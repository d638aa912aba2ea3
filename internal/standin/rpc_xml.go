package standin

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

var errXML = errors.New("not an XML-RPC call")

// xmlCall is a parsed methodCall.
type xmlCall struct {
	method string
	params []any
}

func parseXMLCall(body []byte) (*xmlCall, error) {
	p := &xmlParser{xml.NewDecoder(bytes.NewReader(body))}
	p.CharsetReader = latin1
	parsed := &xmlCall{params: []any{}}
	for {
		token, err := p.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errXML, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "methodName":
			if parsed.method, err = p.text(); err != nil {
				return nil, err
			}
		case "value":
			value, err := p.value()
			if err != nil {
				return nil, err
			}
			parsed.params = append(parsed.params, value)
		}
	}
	if parsed.method == "" {
		return nil, errXML
	}
	return parsed, nil
}

// latin1 reads the encodings besides UTF-8 that Python's parser knows and clients use.
func latin1(charset string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "utf-8", "us-ascii":
		return in, nil
	case "iso-8859-1", "latin-1", "latin1":
	default:
		return nil, fmt.Errorf("%w: encoding %q", errXML, charset)
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	runes := make([]rune, len(raw))
	for i, b := range raw {
		runes[i] = rune(b)
	}
	return strings.NewReader(string(runes)), nil
}

type xmlParser struct{ *xml.Decoder }

// value reads up to the end of a <value>. Text without a type is a string.
func (p *xmlParser) value() (any, error) {
	var text strings.Builder
	var typed any
	found := false
	for {
		token, err := p.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errXML, err)
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			if typed, err = p.typed(t.Name.Local); err != nil {
				return nil, err
			}
			found = true
		case xml.EndElement:
			if found {
				return typed, nil
			}
			return text.String(), nil
		}
	}
}

func (p *xmlParser) typed(kind string) (any, error) {
	switch kind {
	case "array":
		return p.array()
	case "struct":
		return p.structure()
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "int", "i4", "i8":
		return strconv.Atoi(strings.TrimSpace(text))
	case "double":
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	case "boolean":
		return strings.TrimSpace(text) == "1", nil
	case "nil":
		return nil, nil
	case "base64":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		return string(raw), err
	case "string", "dateTime.iso8601":
		return text, nil
	}
	return nil, fmt.Errorf("%w: type %q", errXML, kind)
}

// text reads character data up to the end of the element it is in.
func (p *xmlParser) text() (string, error) {
	var text strings.Builder
	for {
		token, err := p.Token()
		if err != nil {
			return "", fmt.Errorf("%w: %w", errXML, err)
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			return text.String(), nil
		}
	}
}

// array reads the values up to the end of an <array>.
func (p *xmlParser) array() (any, error) {
	list := []any{}
	err := p.children("array", func(element string) error {
		if element != "value" {
			return nil
		}
		value, err := p.value()
		list = append(list, value)
		return err
	})
	return list, err
}

func (p *xmlParser) structure() (any, error) {
	fields, name := object{}, ""
	err := p.children("struct", func(element string) (err error) {
		switch element {
		case "name":
			name, err = p.text()
		case "value":
			fields[name], err = p.value()
		}
		return err
	})
	return fields, err
}

func (p *xmlParser) children(parent string, each func(name string) error) error {
	for {
		token, err := p.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", errXML, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := each(t.Name.Local); err != nil {
				return err
			}
		case xml.EndElement:
			if t.Name.Local == parent {
				return nil
			}
		}
	}
}
