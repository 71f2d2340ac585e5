#!/usr/bin/env bash
# No source file over 400 lines, tests and benchmarks aside: the tail is what tires the reader.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=400
bad=$(git ls-files '*.rs' | grep -vE '(^|/)(tests|benches|fuzz)(/|\.rs$)' | while read -r file; do
  [ -f "$file" ] || continue
  lines=$(wc -l <"$file")
  [ "$lines" -le $limit ] || echo "$file has $lines lines, more than $limit: split it by idea"
done)
[ -z "$bad" ] || { echo "$bad" >&2; exit 1; }
