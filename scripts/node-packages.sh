#!/usr/bin/env bash
# Installs what a real node needs on Debian, unless it is there. The packages' own services are not started: localkube
# runs a container engine of its own.
. "$(dirname "$0")/lib.sh"
packages=()
command -v containerd >/dev/null 2>&1 || packages+=(containerd)
command -v runc >/dev/null 2>&1 || packages+=(runc)
command -v nft >/dev/null 2>&1 || packages+=(nftables)
[ -e /usr/lib/cni/bridge ] || packages+=(containernetworking-plugins)
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  fail "install ${packages[*]}, or run this as root on Debian"
fi
say "installing ${packages[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy" # 101: Debian's word for "do not start it"
  chmod +x "$policy"
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
