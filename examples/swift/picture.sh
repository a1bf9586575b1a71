#!/usr/bin/env bash
# Makes docs/pictures/swift.png, the README's picture: a fresh server, Swift, its requests, and a browser that looks at the PUT.
# Needs what swift.sh needs, `cargo xtask build`, `npm ci` in ui/, and Chromium. Env: those of swift.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
spanlet=${CARGO_TARGET_DIR:-$root/target}/release/spanlet
[ -x "$spanlet" ] || { echo "picture.sh: $spanlet is missing: run 'cargo xtask build'" >&2; exit 1; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
http=$(free_port)
export SPANLET_SCRIBE_PORT; SPANLET_SCRIBE_PORT=$(free_port)
data=$(mktemp -d)
"$spanlet" server --data-dir "$data" --http-listen "127.0.0.1:$http" --scribe-listen "127.0.0.1:$SPANLET_SCRIBE_PORT" &
server=$!
trap '"$here/swift.sh" stop; kill "$server"; wait "$server" || true; rm -rf "$data"' EXIT
"$here/swift.sh" start
"$here/swift.sh" requests
"$here/swift.sh" requests  # warm: caches are filled
"$here/swift.sh" stop       # the last spans are sent before the servers end
cd "$root/ui"
SPANLET_URL=http://127.0.0.1:$http node tests/picture.mjs 'serviceName=swift-proxy-server&spanName=put' "$root/docs/pictures/swift.png"
