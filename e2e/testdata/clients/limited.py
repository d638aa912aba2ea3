"""Calls until it is limited, then says what a program of its kind sees."""
import json
import sys
import xmlrpc.client

url, database, key = sys.argv[1:4]
models = xmlrpc.client.ServerProxy(url + "/xmlrpc/2/object")
for _ in range(50):
    try:
        models.execute_kw(database, 2, key, "res.partner", "search_read", [[]], {"fields": ["name"], "limit": 1})
    except xmlrpc.client.ProtocolError as e:
        print(json.dumps({"status": e.errcode, "message": e.errmsg, "retry_after": e.headers.get("Retry-After")}))
        break
