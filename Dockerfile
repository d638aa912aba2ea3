# syntax=docker/dockerfile:1
#
# The released image: one static binary, the certificate authorities, the time zones and the
# licences; no shell, no package manager, no root.
#
#   make image                             # with buildah
#   docker build --build-arg VERSION=v1 .  # with any other builder
#
# Go's caches live in a cache mount. A builder that brings its own (scripts/image-test.sh)
# points GOMODCACHE and GOCACHE elsewhere.
ARG GO_VERSION=1.26.8

FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:${GO_VERSION}-bookworm AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=dev
ARG COMMIT=unknown
ARG DATE=unknown
ARG GOMODCACHE=/cache/mod
ARG GOCACHE=/cache/build
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=sluice-go,target=/cache \
    CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.date=${DATE}" \
        -o /out/usr/bin/sluice ./cmd/sluice
# What the final image holds beside the binary. The zone file is Go's own, so that it fits
# the Go that reads it whatever the base image carries.
RUN mkdir -p /out/etc/sluice /out/etc/ssl/certs /out/usr/share/doc/sluice /out/data \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
    && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /out/usr/share/zoneinfo.zip \
    && cp LICENSE NOTICE /out/usr/share/doc/sluice/ \
    && printf 'sluice:x:65532:65532::/var/lib/sluice:/sbin/nologin\n' > /out/etc/passwd \
    && printf 'sluice:x:65532:\n' > /out/etc/group

FROM scratch
ARG VERSION=dev
ARG COMMIT=unknown
ARG DATE=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Edge ingress and tenant routing for Odoo: a Traefik distribution" \
      org.opencontainers.image.vendor="The Sluice Authors" \
      org.opencontainers.image.url="https://sluicegate.dev" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${DATE}" \
      org.opencontainers.image.base.name="scratch"
COPY --from=build /out/etc /etc
COPY --from=build /out/usr /usr
# An empty folder with the owner that a fresh volume takes over.
COPY --from=build --chown=65532:65532 /out/data /var/lib/sluice
ENV ZONEINFO=/usr/share/zoneinfo.zip
# A number, so that Kubernetes can prove runAsNonRoot without reading the image.
USER 65532:65532
WORKDIR /var/lib/sluice
VOLUME /var/lib/sluice
EXPOSE 8080 8443 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/bin/sluice", "healthcheck", "--data-dir", "/var/lib/sluice"]
ENTRYPOINT ["/usr/bin/sluice"]
CMD ["run", "--config", "/etc/sluice/sluice.yaml"]
