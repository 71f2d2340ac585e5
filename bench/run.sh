#!/usr/bin/env bash
# Us and the peers side by side in one run, as the median of the ratios of three rounds.
#
# usage: run.sh [ROW...]      such as B2 B15; all rows without arguments
set -euo pipefail
cd "$(dirname "$0")/.."
# The NATS server that scripts/install-test-tools.sh put there goes before the distribution's.
export PATH=$PWD/target/nats:$PATH
ulimit -n 16384
for tool in nginx wrk mosquitto openssl python3 pgbench nats-server; do
  command -v "$tool" >/dev/null || { echo "bench needs $tool: apt-get install nginx-light wrk mosquitto openssl python3 postgresql nats-server" >&2; exit 1; }
done
cargo build --release --quiet --manifest-path bench/load/Cargo.toml
cargo build --release --quiet --manifest-path bench/load/rumqttd/Cargo.toml --target-dir bench/load/target
live=() kept=()
for row; do
  case $row in
    B15 | B16 | B17 | B18) kept+=("$row") ;;
    *) live+=("$row") ;;
  esac
done
if [ $# -eq 0 ] || [ ${#live[@]} -gt 0 ]; then python3 bench/run.py "${live[@]}"; fi
if [ $# -eq 0 ] || [ ${#kept[@]} -gt 0 ]; then python3 bench/history.py "${kept[@]}"; fi
