package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// xmlCall is an XML-RPC call on the database, with the padding in front of its name.
func xmlCall(database, padding string) string {
	return `<?xml version="1.0"?>` + padding + `<methodCall><methodName>execute_kw</methodName><params>` +
		`<param><value><string>` + database + `</string></value></param><param><value><int>2</int></value></param>` +
		`<param><value><string>secret</string></value></param><param><value><string>res.partner</string></value></param>` +
		`<param><value><string>search</string></value></param><param><value><array><data></data></array></value></param></params></methodCall>`
}

// jsonCall is a JSON-RPC call on the database, with the padding in front of its name.
func jsonCall(database, padding string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"call","id":7,"params":{"service":"object","method":"execute_kw",%s"args":["%s",2,"secret","res.partner","search",[]]}}`,
		padding, database)
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func utf16le(text string) string {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}
