#!/usr/bin/env bash
# make demo: a store on a cluster built from source, from the first build to the trace of the whole change.
#   NODE=real                 real servers on a real node (Linux, root), and an object stored and read;
#                             RUSTFS_BIN, or RUSTFS_ARCHIVE (xz), names the server's binary
#   USE_EXISTING_CLUSTER=1    the cluster that KUBECONFIG names, instead of an own one; the operator runs here and
#                             connects to Pods, so this machine has to reach the cluster's Pod network
#   DEADLINE=300              seconds the store may take to become ready
#   STAY=0                    end when all is shown, instead of waiting for Ctrl-C
. "$(dirname "$0")/lib.sh"
NODE=${NODE:-fake} DEADLINE=${DEADLINE:-300} STAY=${STAY:-1} EXISTING=${USE_EXISTING_CLUSTER:-0}
CLUSTER=demo WORK=$PWD/out/demo
SYSTEM=rustfs-system SHOP=shop

check() {
  case $NODE in fake | real) ;; *) fail "NODE=$NODE: it is fake or real" ;; esac
  need_builders
  if [ "$NODE" = real ] && [ "$EXISTING" != 1 ]; then
    need_node
    [ -n "${RUSTFS_BIN:-}${RUSTFS_ARCHIVE:-}" ] ||
      missing+=("RUSTFS_BIN or RUSTFS_ARCHIVE: the server for the node's image; cargo install rustfs@1.0.1 --locked builds it")
  fi
  if [ "$EXISTING" = 1 ]; then
    need kubectl "https://kubernetes.io/docs/tasks/tools"
    [ -n "${KUBECONFIG:-}" ] || missing+=("KUBECONFIG: USE_EXISTING_CLUSTER=1 needs it")
  fi
  stop_if_missing
}

children=()
clean_up() {
  trap - EXIT INT TERM
  printf '\n'
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
  if [ "$EXISTING" = 1 ]; then
    echo "the cluster keeps what was applied; to remove it, store and objects:"
    echo "  kubectl -n $SHOP patch tenant store --type merge -p '{\"spec\":{\"deletion\":{\"protection\":\"None\"}}}'"
    echo "  kubectl -n $SHOP delete tenant store && kubectl delete namespace $SHOP $SYSTEM"
  else
    out/localkube down --name "$CLUSTER" || true
  fi
}

# A value of the cluster's state, by path. state jaeger otlpGrpc
state() {
  python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, key: at[key], sys.argv[2:], json.load(open(sys.argv[1]))))' "$WORK/cluster.json" "$@"
}
k() { "$KUBECTL" "$@"; }
apply() { k apply --server-side --force-conflicts --validate=strict "$@"; }

start_cluster() {
  if [ "$EXISTING" = 1 ]; then
    KUBECTL=${KUBECTL:-kubectl} QUERY=""
    say "using the cluster of $KUBECONFIG"
    k version
    return
  fi
  local more=()
  [ "$NODE" = fake ] || more=(--real-node --nodes 0)
  say "starting a cluster"
  out/localkube down --name "$CLUSTER" 2>/dev/null || true
  out/localkube up --name "$CLUSTER" --detach --json --jaeger "${more[@]}" >"$WORK/cluster.json"
  KUBECTL=$(state kubectl) KUBECONFIG=$(state kubeconfig) QUERY=$(state jaeger query)
  OTEL_EXPORTER_OTLP_ENDPOINT=$(state jaeger otlpGrpc) OTEL_EXPORTER_OTLP_PROTOCOL=grpc
  OTEL_SERVICE_NAME=rustfs-operator
  # Spans reach Jaeger while a person watches, not seconds later.
  OTEL_BSP_SCHEDULE_DELAY=500
  export KUBECTL KUBECONFIG OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_PROTOCOL OTEL_SERVICE_NAME
  export OTEL_BSP_SCHEDULE_DELAY
  apply -f "$(out/localkube crds prometheus)" >/dev/null
  echo "the kinds of the Prometheus operator are installed"
}

install_operator() {
  say "installing kinds, rights and namespace (kustomize/overlays/host)"
  apply -k kustomize/overlays/host
  k wait --for=condition=Established --timeout=60s crd -l '!none' >/dev/null
}

# The operator runs here, with the rights of its ServiceAccount and nothing else.
run_operator() {
  say "running the operator as ServiceAccount rustfs-operator"
  TOKEN=$(k --namespace "$SYSTEM" create token rustfs-operator --duration=12h)
  k config view --raw --minify --flatten -o json | TOKEN=$TOKEN scripts/account-kubeconfig.py >"$WORK/operator.kubeconfig"
  LISTEN=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  KUBECONFIG=$WORK/operator.kubeconfig RUST_LOG=${RUST_LOG:-info} "$BUILT/rustfs-operator" run \
    --listen "$LISTEN" --log-format human --operator-namespace "$SYSTEM" >"$WORK/operator.log" 2>&1 &
  OPERATOR=$!
  children+=("$OPERATOR")
  for _ in $(seq 120); do
    if ready; then
      echo "it answers at http://$LISTEN/metrics and logs to out/demo/operator.log"
      return
    fi
    kill -0 "$OPERATOR" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$WORK/operator.log"
  fail "the operator did not become ready within 60 s; its last words are above"
}
# On fake nodes no server runs behind a Pod; this answers in their place, on the Pods' addresses.
stand_behind_pods() {
  [ "$NODE" = fake ] && [ "$EXISTING" != 1 ] || return 0
  "$BUILT/fake-rustfs" >"$WORK/fake-rustfs.log" 2>&1 &
  children+=("$!")
}
ready() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "http://$LISTEN/readyz" 2>/dev/null; }

# The Pools come first, to show that they wait for their Tenant.
apply_store() {
  local tenant=store overlay
  [ "$NODE" = fake ] || tenant=store-one-disk
  for overlay in pool-a pool-b "$tenant"; do
    echo "         # kubectl apply -k kustomize/overlays/samples/$overlay"
    apply -k "kustomize/overlays/samples/$overlay" >/dev/null
    sleep 2 # for the eye only
  done
  # The demo installs nothing of other projects in a cluster it did not make.
  if ! k get crd servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com >/dev/null 2>&1; then
    echo "         # no Prometheus operator here: the store's figures are served without ServiceMonitor and rules"
    k --namespace "$SHOP" patch tenantmonitor store --type merge \
      --patch '{"spec": {"serviceMonitor": {"enabled": false}, "rules": {"enabled": false}}}' >/dev/null
  fi
}

watch_store() {
  say "applying two pools and their store, each from a file of its own, and what the objects say (at most $DEADLINE s)"
  apply -f kustomize/overlays/samples/store/namespace.yaml >/dev/null
  apply_store &
  local applying=$!
  if scripts/progress.py "$KUBECTL" "$SHOP" "$DEADLINE" 5; then
    wait "$applying"
    return
  fi
  printf '\nlast events:\n'
  k --namespace "$SHOP" get events --sort-by=.lastTimestamp 2>/dev/null | grep -v Endpoint | tail -n 15 || true
  printf '\nlast warnings of the operator (out/demo/operator.log):\n'
  grep -E 'WARN|ERROR' "$WORK/operator.log" | tail -n 15 || true
  fail "the store did not become ready"
}

show_store() {
  say "ready"
  k --namespace "$SHOP" get tenants,pools,tenantcertificates,tenantmonitors
  echo
  k --namespace "$SHOP" get statefulsets,services,configmaps,secrets,poddisruptionbudgets,persistentvolumeclaims
  echo
  k --namespace "$SHOP" get pods -o wide
}

# Stores an object through the S3 API of one server, by its Pod's address.
use_store() {
  [ "$NODE" = real ] || return 0
  say "storing an object and reading it back"
  local pod
  pod=$(k --namespace "$SHOP" get pods -l storage.rustfs.com/tenant=store -o 'jsonpath={.items[0].status.podIP}')
  secret credentials accesskey >"$WORK/accesskey"
  secret credentials secretkey >"$WORK/secretkey"
  secret tls 'ca\.crt' >"$WORK/ca.crt"
  S3_ACCESS_KEY=$(<"$WORK/accesskey") S3_SECRET_KEY=$(<"$WORK/secretkey") \
    scripts/s3.py "https://$pod:9000" --ca "$WORK/ca.crt" --name "store-api.$SHOP.svc"
  rm -f "$WORK/accesskey" "$WORK/secretkey"
}
secret() { k --namespace "$SHOP" get secret "store-$1" -o "jsonpath={.data.$2}" | base64 -d; }

show_trace() {
  [ -n "$QUERY" ] || return 0
  say "the trace of the whole change, read back from Jaeger"
  scripts/trace.py "$QUERY" | tee "$WORK/trace.txt"
}

show_addresses() {
  say "to look around"
  if [ "$EXISTING" != 1 ]; then
    echo "  export KUBECONFIG=$KUBECONFIG"
    echo "  Jaeger's API       $QUERY/api/traces?service=rustfs-operator"
  fi
  echo "  operator's metrics http://$LISTEN/metrics"
  echo "  operator's log     out/demo/operator.log"
  [ "$STAY" = 1 ] || return 0
  echo "Ctrl-C ends all of it."
  wait "$OPERATOR" || true
  fail "the operator ended; see out/demo/operator.log"
}

check
mkdir -p "$WORK"
say "building the operator"
cargo build --package rustfs-operator --package fake-rustfs --bins
BUILT=$(cargo metadata --no-deps --format-version 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug
if [ "$EXISTING" != 1 ]; then
  components=(kubernetes etcd kwok jaeger)
  [ "$NODE" = fake ] || components+=(coredns pause)
  build_localkube "${components[@]}"
fi
trap clean_up EXIT
trap 'exit 130' INT TERM
start_cluster
install_operator
run_operator
stand_behind_pods
watch_store
show_store
use_store
show_trace
show_addresses
