#!/usr/bin/env bash
# Has compose read every mode, and every file to add by itself and with all others, with and without TLS; no engine is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The backend of the collector, which has no default.
export OTEL_EXPORTER_OTLP_ENDPOINT=http://otlp.example
compose=(docker-compose)
command -v docker-compose >/dev/null || compose=(docker compose)
count=0 base=docker/docker-compose.yml

# Reads files; with none, the one that .env names.
reads() {
	local file files=()
	for file in "$@"; do files+=(-f "$file"); done
	"${compose[@]}" "${files[@]}" config >/dev/null ||
		{ echo "AUTH=${AUTH-} MF_X509_IDENTITY=${MF_X509_IDENTITY-} ${compose[*]} ${files[*]} cannot be read" >&2; exit 1; }
	count=$((count + 1))
}

# Reads addons, each before what goes last with TLS.
with() {
	local addon files=($base) tls=($base docker/tls.yml)
	for addon in "$@"; do
		files+=("docker/addons/$addon/docker-compose.yml")
		tls+=("docker/addons/$addon/docker-compose.yml")
		[ ! -f "docker/addons/$addon/tls.yml" ] || tls+=("docker/addons/$addon/tls.yml")
	done
	reads "${files[@]}"
	reads "${tls[@]}"
}

for mode in : key: x509: x509:registry x509:cn_thing_key; do
	AUTH=${mode%:*} MF_X509_IDENTITY=${mode#*:} reads
done
if AUTH=none "${compose[@]}" config >/dev/null 2>&1; then
	echo "AUTH=none is taken for a mode" >&2
	exit 1
fi
# No other file asks for the mode, so that one mode will do for all of them.
asks=$(grep -lrE '\$\{(AUTH|MF_X509_IDENTITY)\b' docker --include='*.yml')
[ "$asks" = $base ] || { printf 'only %s may ask for the mode:\n%s\n' $base "$asks" >&2; exit 1; }
addons=$(basename -a docker/addons/*/)
with
for addon in $addons; do with "$addon"; done
# shellcheck disable=SC2086 # a list of words
with $addons
# Two ways to one image: what is said of it must be the same.
said() {
	sed -n '/^LABEL/,$p' "docker/$1"
}
[ "$(said Dockerfile)" = "$(said Dockerfile.dev)" ] || { echo "Dockerfile and Dockerfile.dev differ" >&2; exit 1; }
echo "$count combinations of the composition can be read"
