# Shared by the scripts beside it; sourced, not run.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." # the root of the sources
mkdir -p out

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Tells what is missing and how to get it. need PROGRAM HOW
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$1: $2"); }
need_file() { [ -e "$1" ] || missing+=("$1: $2"); }
# What `make demo` and `make test` need; names every missing thing at once.
need_builders() {
  need cargo "curl -sSf https://sh.rustup.rs | sh   (Rust 1.89 or newer)"
  need cc "apt-get install gcc libc6-dev"
  need go "https://go.dev/dl   (Go 1.26 or newer; Debian's is older)"
  need python3 "apt-get install python3"
  need openssl "apt-get install openssl"
  if command -v go >/dev/null 2>&1; then
    go_version=$(go env GOVERSION)
    [ "$(printf 'go1.26\n%s\n' "$go_version" | sort -V | head -n 1)" = go1.26 ] ||
      missing+=("go: this is $go_version; take 1.26 or newer from https://go.dev/dl")
  fi
}
need_node() {
  [ "$(uname -s)" = Linux ] || missing+=("Linux: the real node runs only there")
  [ "$(id -u)" = 0 ] || missing+=("root: the real node makes network namespaces and mounts; use sudo -E make …")
  need containerd "apt-get install containerd"
  need runc "apt-get install runc"
  need nft "apt-get install nftables"
  need_file /usr/lib/cni/bridge "apt-get install containernetworking-plugins"
}
stop_if_missing() {
  [ ${#missing[@]} -eq 0 ] && return
  printf 'this is missing:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
}

# Builds localkube, and with it the Kubernetes of this checkout: minutes the first time, a second afterwards.
# Sets LOCALKUBE and KUBECTL, and HELM where that is among them. build_localkube COMPONENT...
build_localkube() {
  say "building localkube"
  go -C deploy/local build -o "$PWD/out/localkube" .
  local IFS=,
  out/localkube build --only "$*" >out/components
  LOCALKUBE=$PWD/out/localkube
  KUBECTL=${KUBECTL:-$(dirname "$(grep '/kubernetes$' out/components)")/kubectl}
  export LOCALKUBE KUBECTL
  if grep -q '/helm$' out/components; then
    HELM=${HELM:-$(grep '/helm$' out/components)}
    export HELM
  fi
}

# Runs commands, shows what they say, and counts: the tests of a command that prints results of tests, one for any
# other. The counts are in `passed` and `failed`. step TITLE COMMAND...
passed=0 failed=0
step() {
  local title=$1 log status=0 p f counts
  shift
  say "$title"
  log=$(mktemp out/step.XXXXXX)
  "$@" 2>&1 | tee "$log" || status=$?
  read -r p f counts < <(awk '
    /^[0-9]+ passed, [0-9]+ failed$/ { sum = 1; sp = $1; sf = $3 }
    /^test result: / { results = 1; for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") p += $i; if ($(i+1) == "failed;") f += $i } }
    END { if (sum) print sp, sf, 1; else print p + 0, f + 0, results + 0 }' "$log")
  rm -f "$log"
  [ "$counts" = 1 ] || [ $status -ne 0 ] || p=1
  [ $status -eq 0 ] || [ "$f" -gt 0 ] || { f=1; printf 'failed: %s\n' "$title"; }
  passed=$((passed + p)) failed=$((failed + f))
}
# The last line, and the exit code.
summary() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
