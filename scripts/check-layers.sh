#!/usr/bin/env bash
# Who may import whom (ARCHITECTURE.md, "Dependency rules"): by Cargo.toml between crates, by `use` inside a service.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
complain() { echo "$*" >&2; fail=1; }

# The names under [dependencies] of a Cargo.toml.
dependencies() { awk '/^\[/{on = $0 == "[dependencies]"} on && /^[a-z]/{sub(/[ .=].*/, ""); print}' "$1"; }

services=$(basename -a services/*/ | grep -v '^ferroflux$')
for manifest in proto/Cargo.toml libs/*/Cargo.toml services/*/Cargo.toml; do
  crate=$(dirname "$manifest")
  [ "$crate" = services/ferroflux ] && continue
  for dependency in $(dependencies "$manifest"); do
    if grep -qx "$dependency" <<<"$services"; then
      complain "$crate depends on the service $dependency: only on its contract in proto"
    fi
  done
done

ours=$(basename -a libs/*/; echo proto)
for dependency in $(dependencies libs/model/Cargo.toml); do
  if grep -qx "$dependency" <<<"$ours"; then complain "libs/model depends on $dependency: it imports nothing of ours"; fi
done

# Inside a service the rules know neither transport nor driver.
for service in services/*/; do
  for name in model error repository service; do
    for file in "$service"src/$name.rs "$service"src/$name/*.rs; do
      [ -f "$file" ] || continue
      if grep -nE '^ *(pub )?use (axum|tonic|prost|rusqlite|tokio_postgres|async_nats|storage)\b' "$file"; then
        complain "$file imports a transport or a driver: that belongs into http.rs or store.rs"
      fi
    done
  done
  for file in "$service"src/*.rs "$service"src/*/*.rs; do
    [ -f "$file" ] || continue
    case "$file" in services/ferroflux/* | */store.rs | */store/* | */lib.rs) continue ;; esac
    if grep -nE '^ *(pub )?use storage\b' "$file"; then complain "$file imports storage: SQL belongs into store.rs"; fi
  done
done
exit $fail
