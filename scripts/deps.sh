#!/usr/bin/env bash
# Installs the programs that the tests and benchmarks drive, where they are missing. Debian
# and its children only; elsewhere it says what to install.
set -euo pipefail

# command:package
needed=(
  gcc:gcc            # the race detector is C
  redis-server:redis-server
  wrk:wrk
  haproxy:haproxy
  nginx:nginx
  h2load:nghttp2-client
  chromium:chromium
  buildah:buildah
  curl:curl
  python3:python3
  npm:npm            # real XML-RPC clients of integrators (node comes with it)
  openssl:openssl
)

# Debian keeps servers in sbin, which a user's PATH may lack.
PATH=$PATH:/usr/sbin:/sbin

missing=() packages=()
for pair in "${needed[@]}"; do
  if ! command -v "${pair%%:*}" >/dev/null; then
    missing+=("${pair%%:*}")
    packages+=("${pair#*:}")
  fi
done
[ -f /etc/ssl/certs/ca-certificates.crt ] || { missing+=(ca-certificates); packages+=(ca-certificates); }
if [[ " ${packages[*]-} " == *" gcc "* ]]; then packages+=(libc6-dev); fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "deps: please install: ${missing[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

# The servers are started by the tests, on ports of their own. Debian would start them all at
# once on the well-known ports; this file is its documented way to say no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  trap '"${as_root[@]}" rm -f $policy' EXIT
fi
echo "deps: installing ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
