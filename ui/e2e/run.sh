#!/usr/bin/env bash
# The browser test, against the real thing: a demo with data in it, and a server that is still empty.
#   ui/e2e/run.sh path/to/tripod [screenshot directory]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tripod=$(realpath "$1")
work=$(mktemp -d)
pids=()
stop() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

# Starts tripod on free ports; answers the address of its page once it is ready.
start() {
  local name=$1
  shift
  "$tripod" "$@" --data "$work/$name" --http 127.0.0.1:0 --otlp-http 127.0.0.1:0 --otlp-grpc 127.0.0.1:0 \
    >"$work/$name.out" 2>"$work/$name.err" &
  pids+=($!)
  for _ in $(seq 1 300); do
    url=$(sed -nE 's/^tripod is ready: ui (http:[^ ]+) .*/\1/p' "$work/$name.out")
    [ -n "$url" ] && return 0
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "tripod $1 did not become ready:" >&2
  cat "$work/$name.out" "$work/$name.err" >&2
  return 1
}

start demo demo
BASE_URL=$url
start empty up
EMPTY_URL=$url
export BASE_URL EMPTY_URL

# A minute of history makes charts worth a look; the test itself waits for what it needs.
sleep "${E2E_WARM_UP_SECONDS:-45}"
if [ -n "${2:-}" ]; then
  SCREENSHOT_DIR=$(realpath "$2")
  export SCREENSHOT_DIR
fi
node --test "$here/"
