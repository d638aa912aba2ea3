#!/usr/bin/env bash
# Runs make targets one after another, prints a line with the seconds of each and stops at
# the first that fails. 'make test' is a list of phases, so that a person sees where the
# time goes and can run the failed one alone: make NAME.
set -uo pipefail

total=$SECONDS
lines=()
for phase in "$@"; do
  start=$SECONDS
  if ! ${MAKE:-make} --no-print-directory "$phase"; then
    echo "FAIL  $phase  $((SECONDS - start)) s  (again alone: make $phase)"
    exit 1
  fi
  lines+=("$(printf 'phase  %-14s %5d s' "$phase" $((SECONDS - start)))")
  echo "${lines[-1]}"
done
printf '%s\n' "" "${lines[@]}"
printf 'total  %-14s %5d s\n' "$# phases" $((SECONDS - total))
