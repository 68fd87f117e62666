#!/usr/bin/env bash
# make test: everything that needs no root. Unit, property and kit tests, the generated files and manifests, and the
# tests against a real API server. The last line sums up.
. "$(dirname "$0")/lib.sh"
need_builders
need promtool "apt-get install prometheus"
need prometheus "apt-get install prometheus"
stop_if_missing
build_localkube kubernetes etcd kwok jaeger certmanager helm
step "tests" cargo test --workspace --no-fail-fast
summary
