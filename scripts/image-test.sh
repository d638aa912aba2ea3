#!/usr/bin/env bash
# Builds the image as a release does, without any registry, and looks at what came out.
#
# The Go base image is replaced by a small root folder under the same name: the Go toolchain
# and the caches of this machine are mounted, never copied, so that a warm run costs little
# more than the link.
set -euo pipefail
cd "$(dirname "$0")/.."

# Without root buildah needs a user namespace of its own to mount anything.
if [ "$(id -u)" != 0 ] && [ -z "${IN_UNSHARE-}" ]; then
  IN_UNSHARE=1 exec buildah unshare "$0" "$@"
fi

work=$(mktemp -d)
# A store of its own: the images of whoever runs this stay untouched.
export BUILDAH_ISOLATION=chroot
storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run") # a root of its own makes buildah forget STORAGE_DRIVER
b() { buildah "${storage[@]}" "$@"; }
trap 'b rm --all >/dev/null 2>&1; rm -rf "$work"' EXIT

go_version=$(sed -n 's/^ARG GO_VERSION=//p' Dockerfile)
toolchain=$(sed -n 's/^toolchain go//p' go.mod)
[ "$go_version" = "$toolchain" ] || { echo "Dockerfile builds with Go $go_version, go.mod asks for $toolchain" >&2; exit 1; }

# base lays out just enough of a system to run the build steps: the shell, the programs that
# they call and the libraries of those.
base() {
  local root=$1 program
  mkdir -p "$root"/{tmp,root,usr/bin,etc/ssl/certs,usr/local/go,host/mod,host/build}
  ln -s usr/bin "$root/bin"
  for program in sh mkdir cp printf env; do
    install "$(readlink -f "$(type -P "$program")")" "$root/usr/bin/$program"
  done
  for program in "$root"/usr/bin/*; do
    ldd "$program" | grep -o '/[^ ]*' | sort -u
  done | sort -u | while read -r library; do
    install -D "$(readlink -f "$library")" "$root$library"
  done
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
}
container=$(b from scratch)
base "$(b mount "$container")"
b config --env PATH=/usr/local/go/bin:/usr/bin "$container"
b commit --quiet --rm "$container" "golang:$go_version-bookworm" >/dev/null

image=sluice:image-test
BUILDAH_OPTIONS="${storage[*]}" scripts/image.sh $image --pull-never --quiet \
  --volume "$(go env GOROOT):/usr/local/go:ro" \
  --volume "$(go env GOMODCACHE):/host/mod" --build-arg GOMODCACHE=/host/mod \
  --volume "$(go env GOCACHE):/host/build" --build-arg GOCACHE=/host/build \
  --build-arg VERSION=v0.0.0-test --build-arg COMMIT=abc --build-arg DATE=2026-01-02T03:04:05Z >/dev/null

failed=0
# expect SENTENCE WANT GOT
expect() {
  if [ "$2" != "$3" ]; then
    echo "image-test: $1: got '$3', want '$2'" >&2
    failed=1
  fi
}
config() { b inspect --type image --format "{{$1}}" $image; }
label() { config "index .Docker.Config.Labels \"org.opencontainers.image.$1\""; }
expect "runs as a number that is not root" 65532:65532 "$(config .Docker.Config.User)"
expect "starts the gateway" "[/usr/bin/sluice] [run --config /etc/sluice/sluice.yaml]" "$(config .Docker.Config.Entrypoint) $(config .Docker.Config.Cmd)"
expect "asks the gateway for its health" "[CMD /usr/bin/sluice healthcheck --data-dir /var/lib/sluice]" "$(config .Docker.Config.Healthcheck.Test)"
expect "keeps its data in a volume" "map[/var/lib/sluice:{}]" "$(config .Docker.Config.Volumes)"
expect "is labelled with its licence" Apache-2.0 "$(label licenses)"
expect "is labelled with its version" v0.0.0-test "$(label version)"
expect "is labelled with its revision" abc "$(label revision)"
expect "is labelled with its date" 2026-01-02T03:04:05Z "$(label created)"

root=$(b mount "$(b from --pull-never $image)")
expect "holds these files and no others" \
  "etc/group etc/passwd etc/ssl/certs/ca-certificates.crt usr/bin/sluice usr/share/doc/sluice/LICENSE usr/share/doc/sluice/NOTICE usr/share/zoneinfo.zip" \
  "$(cd "$root" && find . -type f | sort | sed 's|^\./||' | paste -sd ' ')"
expect "gives the data folder to its user" 65532:65532 "$(stat -c %u:%g "$root/var/lib/sluice")"
# In a root of its own and as its own user: nothing of this machine can help it.
version=$(chroot --userspec=65532:65532 "$root" /usr/bin/sluice version) || failed=1
expect "the binary knows its version" v0.0.0-test "$(grep -o 'v0\.0\.0-test' <<<"$version" | head -1)"
[ $failed = 0 ] || exit 1
echo "image-test: $(du -m "$root/usr/bin/sluice" | cut -f1) MB binary; configuration, files and version are as they should be"
