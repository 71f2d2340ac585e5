#!/usr/bin/env bash
# Us and the peers side by side in one run; prints the median of the ratios of three rounds.
set -euo pipefail
cd "$(dirname "$0")/.."
ulimit -n 16384
for tool in nginx wrk mosquitto openssl python3 pgbench nats-server; do
  command -v "$tool" >/dev/null || { echo "bench needs $tool: apt-get install nginx-light wrk mosquitto openssl python3 postgresql nats-server" >&2; exit 1; }
done
cargo build --release --quiet --manifest-path bench/load/Cargo.toml
python3 bench/run.py
exec python3 bench/history.py
