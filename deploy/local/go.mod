module localkube

go 1.26.0

require (
	github.com/distribution/reference v0.6.0
	golang.org/x/sys v0.49.0
)

require github.com/opencontainers/go-digest v1.0.0 // indirect
