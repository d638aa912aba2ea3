#!/usr/bin/env bash
# Builds the image with buildah: scripts/image.sh NAME [buildah build options].
# The chroot isolation and the vfs storage work without a container runtime, without overlay
# mounts and inside another container; elsewhere set BUILDAH_ISOLATION and STORAGE_DRIVER.
# PLATFORM=linux/arm64 crosses over: the build runs on this machine's own architecture.
# Docker's image format keeps the health check, which the OCI format has no field for.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
shift
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
exec buildah ${BUILDAH_OPTIONS-} build --format docker --platform "${PLATFORM:-linux/$(go env GOARCH)}" --tag "$name" "$@" .
