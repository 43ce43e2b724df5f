#!/usr/bin/env bash
# Installs what `make run`, `make test` and `make bench-…` need and is missing. Usage:
#   tools/setup.sh run|test|bench
# On Debian and Ubuntu as root it installs packages itself; elsewhere it says
# exactly what to install and stops. It downloads nothing but packages.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?usage: tools/setup.sh run|test|bench}

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Go and Node.js are not in Debian 12 in versions that are new enough.
command -v go >/dev/null || die "Go 1.26 or newer is missing: install it from https://go.dev/dl/ and put its bin folder into PATH"
want=$(awk '$1=="go"{print $2}' go.mod)
have=$(go env GOVERSION | sed 's/^go//')
[ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n1)" = "$want" ] || die "Go $want or newer is needed, this is $have: install a newer one from https://go.dev/dl/"
command -v npm >/dev/null || die "Node.js 20.19 or newer with npm is missing: install it from https://nodejs.org/"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a === 20 && b >= 19 ? 0 : 1)' ||
  die "Node.js 20.19 or newer is needed, this is $(node --version)"

# command:package or /file:package, for each tool that comes from the system.
# libstdc++ comes with g++ and is linked into the lake's engine. nginx with
# ModSecurity is what we measure ourselves beside; its configuration comes along.
needs="g++:g++"
peers="nginx:nginx wrk:wrk /usr/lib/nginx/modules/ngx_http_modsecurity_module.so:libnginx-mod-http-modsecurity"
case "$what" in
test) needs="$needs $peers chromium:chromium sqlmap:sqlmap" ;;
bench) needs="$needs $peers" ;;
esac
missing=""
for n in $needs; do
  [ -e "${n%%:*}" ] || PATH=$PATH:/usr/sbin command -v "${n%%:*}" >/dev/null || missing="$missing ${n##*:}"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  else
    die "these are missing:$missing. Install them, on Debian with: sudo apt-get install$missing"
  fi
fi

stamp=console/web/node_modules/.installed
if [ "$what" != bench ] && { [ ! -e "$stamp" ] || [ console/web/package-lock.json -nt "$stamp" ]; }; then
  say "installing npm packages"
  npm --prefix console/web ci --no-audit --no-fund --loglevel=error
  touch "$stamp"
fi
say "ready"
