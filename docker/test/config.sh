#!/usr/bin/env bash
# Has compose read every combination of files and modes, with the images it names or not: no engine is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The backend of the collector, which has no default.
export OTEL_EXPORTER_OTLP_ENDPOINT=http://otlp.example
compose=(docker-compose)
command -v docker-compose >/dev/null || compose=(docker compose)
count=0 base=docker/docker-compose.yml ha=docker/addons/ha history=docker/addons/history

# Reads files in one mode; with none, the one that .env names.
reads() {
	local auth=$1 identity=$2 file files=()
	shift 2
	for file in "$@"; do files+=(-f "$file"); done
	AUTH=$auth MF_X509_IDENTITY=$identity "${compose[@]}" "${files[@]}" config >/dev/null ||
		{ echo "AUTH=$auth MF_X509_IDENTITY=$identity ${compose[*]} ${files[*]} cannot be read" >&2; exit 1; }
	count=$((count + 1))
}

for mode in : key: x509: x509:registry x509:cn_thing_key; do
	auth=${mode%:*} identity=${mode#*:}
	reads "$auth" "$identity"
	for tls in '' docker/tls.yml; do
		for addon in '' docker/addons/{prometheus,otel}/docker-compose.yml; do
			# shellcheck disable=SC2086 # nothing is no file
			reads "$auth" "$identity" $base $tls $addon
			# shellcheck disable=SC2086
			reads "$auth" "$identity" $base $tls $addon $ha/docker-compose.yml ${tls:+$ha/tls.yml} \
				$history/docker-compose.yml ${tls:+$history/tls.yml}
		done
	done
done
if AUTH=none "${compose[@]}" config >/dev/null 2>&1; then
	echo "AUTH=none is taken for a mode" >&2
	exit 1
fi
# Two ways to one image: what is said of it must be the same.
said() {
	sed -n '/^LABEL/,$p' "docker/$1"
}
[ "$(said Dockerfile)" = "$(said Dockerfile.dev)" ] || { echo "Dockerfile and Dockerfile.dev differ" >&2; exit 1; }
echo "$count combinations of the composition can be read"
