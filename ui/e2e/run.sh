#!/usr/bin/env bash
# The browser's tests against the real thing: `ui/e2e/run.sh target/debug/tripod`. Starts an empty server and the demo, both on free
# ports and in directories of their own, and stops them. WARM_UP: seconds the demo gets before the tests, so that rates have points.
set -euo pipefail
binary=$(realpath "${1:?usage: run.sh TRIPOD_BINARY}")
cd "$(dirname "$0")/.."

work=$(mktemp -d)
servers=()
finish() {
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
  for server in "${servers[@]}"; do wait "$server" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# start COMMAND: sets `address` to where its page is.
start() {
  local log="$work/$1.log"
  "$binary" "$1" --data "$work/$1" --http 127.0.0.1:0 --otlp-http 127.0.0.1:0 --otlp-grpc 127.0.0.1:0 >"$log" 2>&1 &
  servers+=($!)
  for _ in $(seq 150); do
    address=$(sed -n 's/^tripod is ready: ui \(http:[^ ]*\).*/\1/p' "$log")
    [ -n "$address" ] && return
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.2
  done
  echo "tripod $1 did not get ready:" >&2
  cat "$log" >&2
  return 1
}

start up
EMPTY_URL=$address
start demo
BASE_URL=$address
export EMPTY_URL BASE_URL
sleep "${WARM_UP:-20}"
node --test --test-concurrency=1 e2e/two-clicks.mjs e2e/traces.mjs e2e/metrics.mjs e2e/logs.mjs e2e/alerts.mjs e2e/dashboards.mjs e2e/accessibility.mjs
