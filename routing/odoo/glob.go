package odoo

import "strings"

// MatchCall tells whether a pattern covers a call, written as model.method. A star stands for
// any text, dots included: "res.partner.*", "*.unlink", "sale.order.action_*".
func MatchCall(pattern, call string) bool {
	head, rest := cutByte(pattern, '*')
	if len(head) == len(pattern) {
		return pattern == call
	}
	if !strings.HasPrefix(call, head) {
		return false
	}
	call = call[len(head):]
	for {
		piece, after := cutByte(rest, '*')
		if len(piece) == len(rest) {
			return strings.HasSuffix(call, piece)
		}
		i := strings.Index(call, piece)
		if i < 0 {
			return false
		}
		call, rest = call[i+len(piece):], after
	}
}

// MatchAnyCall tells whether one of the patterns covers a call.
func MatchAnyCall(patterns []string, call string) bool {
	for _, p := range patterns {
		if MatchCall(p, call) {
			return true
		}
	}
	return false
}
