#!/usr/bin/env bash
# make lint: format, lints, and the promises about what depends on what.
. "$(dirname "$0")/lib.sh"

# The plan decides; it may have no way to act. Prints what it must not depend on, and fails if there is any.
plan_is_pure() {
  local tree
  tree=$(cargo tree --package plan --edges normal --prefix none --format '{p}')
  ! grep -E '^(tokio|kube-client|kube-runtime|hyper|reqwest|rand|getrandom|tracing-opentelemetry) v' <<<"$tree"
}
crds_have_no_client() {
  local tree
  tree=$(cargo tree --package crds --edges normal --prefix none --format '{p}')
  ! grep -E '^(tokio|kube-client|kube-runtime|hyper) v' <<<"$tree"
}
only_one_tls() {
  local tree
  tree=$(cargo tree --workspace --edges normal --prefix none --format '{p}')
  ! grep -E '^(ring|openssl|native-tls) v' <<<"$tree"
}
go_is_formatted() {
  local found
  found=$(gofmt -l deploy/local)
  [ -z "$found" ] || { printf 'run gofmt -w on:\n%s\n' "$found"; return 1; }
}
scripts_parse() {
  local script
  for script in scripts/*.sh .ci/run; do bash -n "$script"; done
  python3 -c 'import ast, sys
for path in sys.argv[1:]: ast.parse(open(path).read(), path)' scripts/*.py
}

step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets -- -D warnings
step "crds compiles on its own" cargo check --package crds
step "plan compiles on its own" cargo check --package plan
step "plan is pure" plan_is_pure
step "crds needs no client" crds_have_no_client
step "one TLS library" only_one_tls
step "Go is formatted" go_is_formatted
step "Go is vetted" go -C deploy/local vet ./...
step "scripts parse" scripts_parse
if command -v promtool >/dev/null 2>&1; then
  step "alert rules" scripts/rules.sh
else
  echo "promtool is not here: the alert rules are not checked (apt-get install prometheus)"
fi
if command -v cargo-deny >/dev/null 2>&1; then
  step "licenses, bans, sources" cargo deny check bans licenses sources
else
  echo "cargo-deny is not here: licenses are not checked (cargo install cargo-deny --locked)"
fi
summary
