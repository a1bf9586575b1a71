#!/usr/bin/env bash
# A single-node OpenStack Swift with three replicas, traced by the two lines: swift.sh start | requests | stop
# Env: SWIFT_NODE (folder), SWIFT_PORT (first of five), SWIFT_WORKERS (0, or forked workers a server),
#      SPANLET_SCRIBE_PORT (the collector's)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
node=${SWIFT_NODE:-$here/node}
port=${SWIFT_PORT:-6200}
workers=${SWIFT_WORKERS:-0}
storage=(account container object)
memcached_port=$((port + 4))
proxy=http://127.0.0.1:$port

fail() { echo "swift.sh: $*" >&2; exit 1; }

install() {
  local program
  for program in python3 memcached curl; do
    command -v "$program" >/dev/null || fail "$program is missing: on Debian 'apt-get install python3-venv memcached curl'"
  done
  mkdir -p "$node"/{etc,run,log} "$node"/disks/d{1,2,3}
  if [ ! -x "$node/venv/bin/swift-proxy-server" ]; then
    echo "installing Swift into $node (a minute)"
    python3 -m venv "$node/venv"
    "$node/venv/bin/pip" install -q --disable-pip-version-check swift eventlet
  fi
  # The wheel that `cargo xtask build` made, or else one built now.
  local wheel; wheel=$(ls "$root"/target/wheels/release/spanlet-*.whl 2>/dev/null | tail -n 1 || true)
  "$node/venv/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "${wheel:-$root/python}"
  "$node/venv/bin/python" -c 'import os, sys; os.setxattr(sys.argv[1], "user.swift.test", b"1")' "$node/disks" 2>/dev/null ||
    fail "$node is on a file system without user.* extended attributes: set SWIFT_NODE to a folder on ext4 or xfs"
}

# A ring says which disks of which server hold what: here three disks of one server, a replica on each.
ring() { # NAME PORT
  local builder=$node/etc/$1.builder build=$node/venv/bin/swift-ring-builder disk
  rm -f "$builder" "$node/etc/$1.ring.gz"
  "$build" "$builder" create 8 3 1 >/dev/null
  for disk in 1 2 3; do
    "$build" "$builder" add --region 1 --zone "$disk" --ip 127.0.0.1 --port "$2" --device "d$disk" --weight 1 >/dev/null
  done
  "$build" "$builder" rebalance >/dev/null
}

configure() {
  local name policy i=1
  printf '[swift-hash]\nswift_hash_path_prefix = example\nswift_hash_path_suffix = example\n' > "$node/etc/swift.conf"
  cat > "$node/etc/proxy-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = $workers
user = $(id -un)
swift_dir = $node/etc
[pipeline:main]
pipeline = catch_errors healthcheck cache tempauth copy proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached_port
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
CONF
  # Swift reads storage policies from this one place only; each that is there wants a ring.
  for policy in $(sed -n 's/^\[storage-policy:\([1-9][0-9]*\)\].*/\1/p' /etc/swift/swift.conf 2>/dev/null); do
    ring "object-$policy" $((port + 3))
  done
  for name in "${storage[@]}"; do
    ring "$name" $((port + i))
    cat > "$node/etc/$name-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $((port + i))
workers = $workers
user = $(id -un)
swift_dir = $node/etc
devices = $node/disks
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = healthcheck $name-server
[app:$name-server]
use = egg:swift#$name
[filter:healthcheck]
use = egg:swift#healthcheck
CONF
    i=$((i + 1))
  done
}

launch() { # NAME COMMAND...: in a session of its own, which stop ends as a whole, forked workers too
  local name=$1; shift
  setsid "$@" >> "$node/log/$name.log" 2>&1 < /dev/null &
  echo $! > "$node/run/$name.pid"
}

wait_for() { # NAME PORT
  local tries
  for tries in $(seq 150); do
    curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$2/healthcheck" && return
    kill -0 "$(cat "$node/run/$1.pid")" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 15 "$node/log/$1.log" >&2
  stop
  fail "the $1 server did not come up on port $2 (tried $tries times)"
}

start() {
  local name i=1
  install
  stop
  configure
  launch memcached memcached -u "$(id -un)" -l 127.0.0.1 -p "$memcached_port" -U 0 -m 64
  for name in "${storage[@]}" proxy; do
    launch "$name" "$node/venv/bin/python" "$here/traced.py" "$node/venv/bin/swift-$name-server" "$node/etc/$name-server.conf"
  done
  for name in "${storage[@]}"; do wait_for "$name" $((port + i)); i=$((i + 1)); done
  wait_for proxy "$port"
  echo "Swift is up at $proxy, traced to scribe port ${SPANLET_SCRIBE_PORT:-9410}"
}

stop() {
  local file pid tries
  for file in "$node"/run/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # Only a session that launch made: its process group bears the number in the file.
    if [ "$(ps -o pgid= -p "$pid" 2>/dev/null | tr -d ' ')" = "$pid" ]; then
      kill -TERM -- "-$pid" 2>/dev/null || true
      for tries in $(seq 50); do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.1; done
      if kill -0 -- "-$pid" 2>/dev/null; then kill -KILL -- "-$pid" 2>/dev/null || true; fi
    fi
    rm -f "$file"
  done
}

requests() {
  local token container=$proxy/v1/AUTH_test/example-$$
  token=$(curl -s -D - -o /dev/null -H X-Storage-User:test:tester -H X-Storage-Pass:testing "$proxy/auth/v1.0" |
    tr -d '\r' | sed -n 's/^X-Auth-Token: //Ip')
  [ -n "$token" ] || fail "no token from $proxy: is Swift up? (swift.sh start)"
  ask() { # WANTED METHOD ADDRESS CURL-ARGUMENT...
    local wanted=$1 method=$2 address=$3 got; shift 3
    got=$(curl -s -o /dev/null -w '%{http_code}' -H "X-Auth-Token: $token" -X "$method" "$@" "$address")
    echo "$method ${address#"$proxy"} $got"
    [ "$got" = "$wanted" ] || fail "wanted $wanted"
  }
  ask 201 PUT "$container"
  ask 201 PUT "$container/hello" -d 'Hello, Swift'
  ask 200 GET "$container/hello"
  ask 202 POST "$container/hello" -H 'X-Object-Meta-Colour: blue'
  ask 201 COPY "$container/hello" -H "Destination: ${container##*/}/copy"
  ask 404 GET "$container/none"
  ask 200 GET "$container"
  ask 204 DELETE "$container/hello"
  ask 204 DELETE "$container/copy"
  ask 204 DELETE "$container"
  echo "Look at http://127.0.0.1:9411/zipkin/ for the service swift-proxy-server"
}

case ${1:-} in
  start | requests | stop) "$1" ;;
  *) fail "say start, requests or stop" ;;
esac
