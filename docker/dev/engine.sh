#!/usr/bin/env bash
# Runs a command with a Docker engine: the one that runs here, or one of its own, which ends with the command.
#
# usage: engine.sh COMMAND [ARGUMENT...]
set -euo pipefail

if docker version >/dev/null 2>&1; then
	exec "$@"
fi
if ! command -v dockerd >/dev/null || [ "$(id -u)" -ne 0 ]; then
	echo "$0: no Docker engine answers, and none can be started: that takes dockerd (Debian: docker.io) and root" >&2
	exit 69
fi

dir=$(mktemp -d)
dockerd >"$dir/log" 2>&1 &
engine=$!
trap 'kill "$engine" && wait "$engine" || true; rm -rf "$dir"' EXIT
for _ in $(seq 60); do
	docker version >/dev/null 2>&1 && break
	kill -0 "$engine" 2>/dev/null || { tail -n 20 "$dir/log" >&2; exit 69; }
	sleep 0.5
done
"$@"
