#!/usr/bin/env bash
# Lists our packages that have tests: 'light' ones, which the race detector tests, or 'heavy'
# ones, which link Traefik. Building Traefik for the race detector too would double a cold
# build. internal/archtest is in neither list: it reads the tree, so its result may not come
# from the test cache.
set -euo pipefail

go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}}{{end}}' ./... |
  awk -v want="$1" '
    NF == 0 || $1 ~ /\/internal\/archtest$/ { next }
    { kind = ($0 ~ /sluice\/gateway\/edge( |$)/ || $0 ~ /traefik\/traefik\/v3\//) ? "heavy" : "light" }
    kind == want { print $1 }'
