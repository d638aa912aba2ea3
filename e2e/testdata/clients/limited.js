// Calls until it is limited, then says what a program of its kind sees.
const [, , kind, url, database, key] = process.argv;
const at = new URL(url);

async function viaXmlrpc() {
  const xmlrpc = require("xmlrpc");
  const models = xmlrpc.createClient({ host: at.hostname, port: at.port, path: "/xmlrpc/2/object" });
  const args = [database, 2, key, "res.partner", "search_read", [[]], { fields: ["name"], limit: 1 }];
  return () => new Promise((done, failed) => models.methodCall("execute_kw", args, (e, v) => (e ? failed(e) : done(v))));
}

async function viaOdooAwait() {
  const Odoo = require("odoo-await");
  const odoo = new Odoo({ baseUrl: url, port: Number(at.port), db: database, username: "admin", password: key });
  await odoo.connect();
  return () => odoo.searchRead("res.partner", [], ["name"], { limit: 1 });
}

(async () => {
  let call;
  try {
    call = await (kind === "xmlrpc" ? viaXmlrpc() : viaOdooAwait());
    for (let i = 0; i < 50; i++) await call();
  } catch (e) {
    const headers = (e.res && e.res.headers) || {};
    console.log(JSON.stringify({ status: e.faultCode || (e.res && e.res.statusCode), message: String(e.message || e), retry_after: headers["retry-after"] }));
  }
})();
