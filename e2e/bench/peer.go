package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/e2e/harness"
)

// peer is a running proxy.
type peer struct {
	name    string
	addr    string
	process *harness.Process
	workers bool   // it forks: its children count too
	script  string // wrk script of its own
	// reload makes the peer take a new version of tenant 0, with one more host.
	reload func(version int)
}

// pids are the peer's processes.
func (p *peer) pids() []int {
	pids := []int{p.process.Pid()}
	if p.workers {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[0], pids[0]))
		for _, field := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(field)
			pids = append(pids, pid)
		}
	}
	return pids
}

// fleet is a set of tenants that a peer serves: each with three hosts, all with one
// backend.
type fleet struct {
	count    int
	backend  string // http workers and realtime alike
	metrics  bool   // metrics on where they can be off
	accesses bool   // access log and metrics on
}

// hosts of one tenant; version adds one.
func (f fleet) hosts(i, version int) []string {
	hosts := []string{fmt.Sprintf("t%d.bench.test", i), fmt.Sprintf("www.t%d.bench.test", i), fmt.Sprintf("shop.t%d.bench.test", i)}
	if version > 0 {
		hosts = append(hosts, versionHost(version))
	}
	return hosts
}

func versionHost(version int) string { return fmt.Sprintf("v%d.bench.test", version) }

// sluice is ours, with all of a tenant's middlewares, as it comes: access log off unless
// the fleet wants it; metrics are always on.
func (b *bench) sluice(f fleet) *peer {
	documents := map[string]string{"pool.yaml": harness.Pool("shared", []harness.Backend{{HTTP: f.backend}}, "realtime: {handshakes: 10000/s}")}
	tenant := func(i, version int) string {
		name := fmt.Sprintf("t%d", i)
		return harness.Tenant(name, name, "shared", f.hosts(i, version))
	}
	for i := range f.count {
		documents[fmt.Sprintf("t%d.yaml", i)] = tenant(i, 0)
	}
	c := harness.GatewayConfig{}
	name := "sluice"
	if f.accesses {
		c.Traefik = "    accessLog: {format: json, filePath: /dev/null}\n"
		name = "sluice, access log"
	}
	g := harness.StartGateway(b, c, documents)
	p := &peer{name: name, addr: g.Web, process: g.Process}
	p.reload = func(version int) { g.Write(b, "tenants/t0.yaml", tenant(0, version)) }
	b.waitFor(p.addr)
	return p
}

// traefik is stock Traefik with a router for each tenant and the same headers set.
func (b *bench) traefik(f fleet, fast bool) *peer {
	dir, addr, admin := b.TempDir(), harness.FreeAddr(b), harness.FreeAddr(b)
	name, more := "traefik", ""
	if fast {
		name, more = "traefik, fast proxy", "experimental: {fastProxy: {}}\n"
	}
	const metrics = "metrics: {prometheus: {entryPoint: traefik, addRoutersLabels: true, addServicesLabels: true}}\n"
	switch {
	case f.accesses:
		name, more = name+", access log and metrics", more+"accessLog: {format: json, filePath: /dev/null}\n"+metrics
	case f.metrics:
		name, more = name+", metrics", more+metrics
	}
	b.file(dir, "traefik.yaml", fmt.Sprintf(`global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: ERROR}
entryPoints:
  web: {address: %q, http: {aliasHeadersStrategy: reject}}
  traefik: {address: %q}
providers: {file: {filename: %s/dynamic.yaml, watch: true}, providersThrottleDuration: 0s}
%s`, addr, admin, dir, more))
	write := func(version int) { harness.WriteFile(b, dir+"/dynamic.yaml", traefikDynamic(f, version)) }
	write(0)
	process := harness.Start(b, harness.Command{Name: name, Path: b.binary("TRAEFIK_BIN", "traefik"), Args: []string{"--configFile=" + dir + "/traefik.yaml"}, Dir: dir})
	b.waitFor(addr)
	return &peer{name: name, addr: addr, process: process, reload: write}
}

func traefikDynamic(f fleet, version int) string {
	var b strings.Builder
	b.WriteString("http:\n  services:\n")
	fmt.Fprintf(&b, "    odoo: {loadBalancer: {servers: [{url: \"http://%s\"}]}}\n  middlewares:\n", f.backend)
	for i := range f.count {
		fmt.Fprintf(&b, "    t%d: {headers: {customRequestHeaders: {X-Odoo-Dbfilter: '^t%d\\Z'}}}\n", i, i)
	}
	b.WriteString("  routers:\n")
	for i := range f.count {
		v := 0
		if i == 0 {
			v = version
		}
		rules := f.hosts(i, v)
		for j, host := range rules {
			rules[j] = "Host(`" + host + "`)"
		}
		fmt.Fprintf(&b, "    t%d: {rule: %q, service: odoo, middlewares: [t%d], entryPoints: [web]}\n", i, strings.Join(rules, " || "), i)
	}
	return b.String()
}

// nginx with one map from host to tenant, the headers that Odoo wants, answers buffered.
func (b *bench) nginx(f fleet, keepAlive bool) *peer {
	dir, addr := b.TempDir(), harness.FreeAddr(b)
	upstream, connection := "", "close"
	if keepAlive {
		upstream, connection = "keepalive 64;", ""
	}
	var hosts strings.Builder
	for i := range f.count {
		for _, host := range f.hosts(i, 0) {
			fmt.Fprintf(&hosts, "    %s t%d;\n", host, i)
		}
	}
	config := b.file(dir, "nginx.conf", fmt.Sprintf(`user root; daemon off; pid %[1]s/pid; error_log stderr crit; worker_processes auto; worker_rlimit_nofile 19000;
events { worker_connections 9000; }
http {
  access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  map_hash_max_size 65536; map_hash_bucket_size 128; keepalive_requests 1000000; client_max_body_size 200m;
  map $http_upgrade $upgrade { default upgrade; '' '%[4]s'; }
  map $host $tenant {
%[5]s  }
  upstream odoo { server %[3]s; %[6]s }
  server {
    listen %[2]s;
    location / {
      if ($tenant = '') { return 404; }
      proxy_pass http://odoo; proxy_http_version 1.1; proxy_read_timeout 720s;
      proxy_set_header Host $host; proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Odoo-Dbfilter ^$tenant\Z; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade;
    }
  }
}
`, dir, addr, f.backend, connection, hosts.String(), upstream))
	process := harness.Start(b, harness.Command{Name: "nginx", Path: look(b, "nginx"), Args: []string{"-c", config, "-p", dir}, Dir: dir})
	b.waitFor(addr)
	return &peer{name: "nginx", addr: addr, process: process, workers: true}
}

// haproxy with one map from host to tenant and the same headers.
func (b *bench) haproxy(f fleet, keepAlive bool) *peer {
	dir, addr := b.TempDir(), harness.FreeAddr(b)
	var hosts strings.Builder
	for i := range f.count {
		for _, host := range f.hosts(i, 0) {
			fmt.Fprintf(&hosts, "%s t%d\n", host, i)
		}
	}
	tenants := b.file(dir, "hosts.map", hosts.String())
	mode := "option http-server-close"
	if keepAlive {
		mode = "option http-keep-alive\n  http-reuse always"
	}
	config := b.file(dir, "haproxy.cfg", fmt.Sprintf(`global
  maxconn 9000
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 720s
  timeout server 720s
  timeout tunnel 1h
  %[4]s
frontend web
  bind %[1]s
  http-request set-var(txn.tenant) req.hdr(host),field(1,:),lower,map(%[3]s)
  http-request deny deny_status 404 unless { var(txn.tenant) -m found }
  http-request set-header X-Odoo-Dbfilter ^%%[var(txn.tenant)]\\Z
  http-request set-header X-Forwarded-Host %%[req.hdr(host)]
  http-request set-header X-Forwarded-For %%[src]
  http-request set-header X-Forwarded-Proto http
  default_backend odoo
backend odoo
  server b1 %[2]s
`, addr, f.backend, tenants, mode))
	process := harness.Start(b, harness.Command{Name: "haproxy", Path: look(b, "haproxy"), Args: []string{"-db", "-f", config}, Dir: dir})
	b.waitFor(addr)
	return &peer{name: "haproxy", addr: addr, process: process}
}
