#!/usr/bin/env bash
# make e2e: the tests with real servers on a real node. Linux and root; on Debian the missing packages are installed.
# RUSTFS_BIN or RUSTFS_ARCHIVE (xz) names the server's binary for the node's image. LONG=1 adds five of half an hour.
# RUSTFS_OTHER=1.0.0=/path/to/rustfs adds the way from that version to 1.0.1 and back.
. "$(dirname "$0")/lib.sh"
need_builders
[ -n "${RUSTFS_BIN:-}${RUSTFS_ARCHIVE:-}" ] ||
  missing+=("RUSTFS_BIN or RUSTFS_ARCHIVE: the server for the node's image; cargo install rustfs@1.0.1 --locked builds it")
stop_if_missing
scripts/node-packages.sh
need_node
stop_if_missing
build_localkube kubernetes etcd kwok jaeger coredns pause
RUN_NODE_TESTS=1
export RUN_NODE_TESTS
step "tests on a real node" cargo test --no-fail-fast --test node -- --nocapture
summary
