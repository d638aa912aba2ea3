module sluicegate.dev/sluice/e2e

go 1.26.0

toolchain go1.26.8

require (
	github.com/coder/websocket v1.8.15
	github.com/quic-go/quic-go v0.62.0
	golang.org/x/net v0.58.0
)

require (
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
