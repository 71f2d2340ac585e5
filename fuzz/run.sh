#!/usr/bin/env bash
# Runs fuzz targets one after the other, each for so long, as cargo-fuzz does and without it.
#
# usage: fuzz/run.sh SECONDS [TARGET...]
#
# Without a target, all of them. A target begins with fuzz/seeds/TARGET and what earlier runs have found, in fuzz/corpus/TARGET; what
# makes it fail is left in fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")"

if [ $# -eq 0 ]; then
	echo "usage: $0 SECONDS [TARGET...]" >&2
	exit 64
fi
seconds=$1
shift
[ $# -gt 0 ] || mapfile -t targets < <(basename -s .rs fuzz_targets/*.rs)
[ $# -eq 0 ] || targets=("$@")

# The coverage that libFuzzer is guided by, and checks of memory and arithmetic; for the target only, not for build scripts.
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks"
triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
cargo +nightly build --release --target "$triple" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
	mkdir -p "corpus/$target" "artifacts/$target"
	seeds=()
	[ ! -d "seeds/$target" ] || seeds=("seeds/$target")
	echo "== $target"
	"target/$triple/release/$target" "corpus/$target" "${seeds[@]}" -artifact_prefix="artifacts/$target/" \
		-max_total_time="$seconds" -print_final_stats=1
done
