package odoo

import "strings"

// Bundle says whether a path names an asset bundle by its hash: /web/assets/<hash>/<name> (17
// on), /web/assets/<id>-<hash>/<name> (15, 16), either with a website's number before or after
// the hash. Such a path never changes its content, and anybody may read it. "debug" and "any"
// stand where a hash would, and are none; before 15 bundles lie among attachments, which are
// not for everybody.
func (p Profile) Bundle(path string) bool {
	rest, ok := strings.CutPrefix(path, "/web/assets/")
	if !ok || p.AssetPrefix != "/web/assets/" {
		return false
	}
	hashed := false
	for {
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return hashed && rest != "" && rest != "." && rest != ".."
		}
		segment := rest[:i]
		rest = rest[i+1:]
		switch {
		case !hashed && p.isHash(segment):
			hashed = true
		case segment == "" || !allBytes(segment, isDigit):
			return false
		}
	}
}

func (p Profile) isHash(segment string) bool {
	if p.AssetID {
		return isAssetID(segment)
	}
	return len(segment) >= 7 && allBytes(segment, isHex)
}
