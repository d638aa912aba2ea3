"""Reads bodies as Odoo does: one JSON line in, one JSON line out.

in:  {"kind": "xml|json|auth|form|two|path", "body": base64}
out: {"ok": bool, "fields": {...}, "nan": bool}; a field that is no text is null.
"""
import base64
import json
import sys
import urllib.parse
import xmlrpc.client


def text(x):
    return x if isinstance(x, str) else None


def positional(out, args):
    args = list(args)
    for name, i in (("db", 0), ("second", 1), ("secret", 2), ("model", 3), ("model_method", 4)):
        if i < len(args):
            out[name] = text(args[i])
    if len(args) > 1 and not isinstance(args[1], (bool, float)):
        try:
            out["uid"] = str(int(args[1]))
        except (ValueError, TypeError):
            pass
    return out


LIMITS = {"search": 2, "search_read": 3, "web_search_read": 3, "name_search": 3, "web_read_group": 3,
          "search_fetch": 3, "read_group": 4, "formatted_read_group": 5}


def bound(v):
    return str(min(v, 1 << 30)) if type(v) is int and v > 0 else "0"


def size(v):
    return len(v) if isinstance(v, list) else 0


def measure(out, method, args):
    """What the call asks for, as Odoo's execute and execute_kw hand it to the model."""
    args = list(args)
    if method == "execute":
        rest, named = args[5:], {}
        records = size(rest[0]) if rest and isinstance(rest[0], list) else len(rest[:1])
    elif method == "execute_kw":
        rest, named = args[5:6], args[6] if len(args) > 6 else {}
        rest = rest[0] if rest and isinstance(rest[0], list) else rest
        named = named if isinstance(named, dict) else {}
        records = (size(rest[0]) or 1) if rest else 0
    else:
        return out
    rows = size(rest[1]) if len(rest) > 1 else 0
    at = LIMITS.get(args[4] if len(args) > 4 and isinstance(args[4], str) else None)
    if "limit" in named:
        limit = named["limit"]
    else:
        limit = rest[at] if at is not None and len(rest) > at else None
    out["records"] = str(max(records, size(named.get("ids"))))
    out["rows"] = str(max(rows, *(size(named.get(k)) for k in ("vals_list", "data"))))
    out["limit"] = bound(limit)
    return out


def read_two(body):
    doc = json.loads(body.decode("utf-8", "replace"))
    if not isinstance(doc, dict):
        raise ValueError("no object")
    rows = max(size(doc.get(k)) for k in ("vals_list", "data"))
    return {"records": str(size(doc.get("ids"))), "rows": str(rows), "limit": bound(doc.get("limit"))}, False


def read_xml(body):
    params, method = xmlrpc.client.loads(body)
    if method is None:
        raise ValueError("no call")
    return measure(positional({"method": method}, params), method, params), False


def load_json(body):
    seen = []

    def constant(word):
        seen.append(word)
        return float("nan")

    # Odoo: json.loads(httprequest.get_data(as_text=True)), which decodes with "replace".
    doc = json.loads(body.decode("utf-8", "replace"), parse_constant=constant)
    return dict(doc.get("params", {})), bool(seen)


def read_json(body):
    params, nan = load_json(body)
    out = {k: text(params[k]) for k in ("service", "method") if k in params}
    return measure(positional(out, params.get("args", [])), params.get("method"), params.get("args", [])), nan


def read_auth(body):
    params, nan = load_json(body)
    names = (("db", "db"), ("login", "second"), ("password", "secret"))
    return {to: text(params[k]) for k, to in names if k in params}, nan


def read_form(body):
    # Werkzeug's MultiDict: the first of several counts.
    out = {}
    for k, v in urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"):
        out.setdefault(k, v)
    names = (("db", "db"), ("login", "second"), ("password", "secret"))
    return {to: out[k] for k, to in names if k in out}, False


def read_path(body):
    # PATH_INFO: unquoted once; slashes are merged by Werkzeug's router.
    path = urllib.parse.unquote_to_bytes(body)
    while b"//" in path:
        path = path.replace(b"//", b"/")
    return {"path": path.decode("latin-1")}, False


READERS = {"xml": read_xml, "json": read_json, "auth": read_auth, "form": read_form, "two": read_two, "path": read_path}

for line in sys.stdin.buffer:
    case = json.loads(line)
    try:
        fields, nan = READERS[case["kind"]](base64.b64decode(case["body"]))
        answer = {"ok": True, "fields": fields, "nan": nan}
    except Exception as e:
        answer = {"ok": False, "error": type(e).__name__}
    sys.stdout.write(json.dumps(answer) + "\n")
