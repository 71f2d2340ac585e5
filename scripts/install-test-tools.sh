#!/usr/bin/env bash
# Installs what the tests run against: servers, clients and languages from the distribution, Python packages in target/venv,
# those of Node in target/node, and in target/nats a NATS server where the distribution's is not fit.
#
# usage: install-test-tools.sh [compose|long]; with `compose` also what starts containers, with `long` also scanners of TLS and
# what takes disks and networks away
#
# It does nothing when all is there. Where it may not install, it says what to install and fails.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

VENV=target/venv
PYTHON_EXAMPLES=examples/python/requirements.txt
PYTHON_PACKAGES=(aiocoap==0.4.14 aiomqtt==2.5.1 kubernetes-validate==1.37.0)
PYTHON_MODULES=(websockets paho nats requests google/protobuf aiocoap kubernetes_validate aiomqtt)
NODE=target/node
NODE_EXAMPLES=examples/javascript/package.json
GO_LIBRARIES=/usr/share/gocode/src/github.com
NATS=target/nats
NATS_SUITE=trixie

have() {
	command -v "$1" >/dev/null
}

have_postgres() {
	have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

have_venv() {
	local module
	for module in "${PYTHON_MODULES[@]}"; do
		compgen -G "$VENV/lib/python3*/site-packages/$module" >/dev/null || return 1
	done
}

have_node_packages() {
	[ -d "$NODE/node_modules" ] && cmp -s "$NODE_EXAMPLES" "$NODE/package.json"
}

# NATS 2.9.7 to 2.9.15, which Debian 12 has, drop messages when they are started again.
have_nats() {
	[ -x "$NATS/nats-server" ] || ! nats-server --version | grep -Eq 'v2\.9\.([789]|1[0-5])$'
}

# An engine, and what makes stand-ins for base images.
missing_for_compose() {
	have dockerd || docker version >/dev/null 2>&1 || echo docker.io
	have debootstrap || echo debootstrap
}

missing_for_long() {
	have sslscan || echo sslscan
	have testssl || echo testssl.sh
	have mkfs.ext4 || echo e2fsprogs
	have ip || echo iproute2
	have nft || echo nftables
}

missing_packages() {
	have_postgres || echo postgresql
	have nats-server || echo nats-server
	have mosquitto || echo mosquitto
	have mosquitto_pub || echo mosquitto-clients
	have nginx || echo nginx-light
	have pebble || echo pebble
	compgen -G '/usr/lib/nginx/modules/ngx_stream_module.so' >/dev/null || echo libnginx-mod-stream
	have docker-compose || docker compose version >/dev/null 2>&1 || echo docker-compose
	have curl || echo curl
	have openssl || echo openssl
	have systemd-analyze || echo systemd
	have protoc || echo protobuf-compiler
	have node || echo nodejs
	have npm || echo npm
	have javac || echo default-jdk-headless
	have ruby || echo ruby
	have ruby && ruby -e 'require "websocket"' 2>/dev/null || echo ruby-websocket
	have go || echo golang-go
	[ -d "$GO_LIBRARIES/eclipse/paho.mqtt.golang" ] || echo golang-github-eclipse-paho.mqtt.golang-dev
	[ -d "$GO_LIBRARIES/gorilla/websocket" ] || echo golang-github-gorilla-websocket-dev
	[ -d "$GO_LIBRARIES/nats-io/nats.go" ] || echo golang-github-nats-io-go-nats-dev
	have_venv || python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

install_packages() {
	local as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		as_root=(sudo -n)
	fi
	if ! have apt-get || ! "${as_root[@]}" true 2>/dev/null; then
		echo "the tests need these Debian packages, or the same from elsewhere; please install them:" >&2
		echo "  sudo apt-get install --no-install-recommends $*" >&2
		exit 1
	fi
	local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
	"${apt[@]}" update
	"${apt[@]}" install -y --no-install-recommends "$@"
}

install_venv() {
	local packages=(-r "$PYTHON_EXAMPLES" "${PYTHON_PACKAGES[@]}")
	echo "installing ${packages[*]} in $VENV" >&2
	python3 -m venv "$VENV"
	if ! "$VENV/bin/pip" install -q --disable-pip-version-check "${packages[@]}"; then
		echo "the tests need these Python packages in $VENV; please install them:" >&2
		echo "  $VENV/bin/pip install ${packages[*]}" >&2
		exit 1
	fi
}

# What is listed counts as installed only once it is, so package.json comes last.
install_node_packages() {
	echo "installing $NODE_EXAMPLES in $NODE" >&2
	rm -rf "$NODE"
	mkdir -p "$NODE"
	local fresh
	fresh=$(mktemp -d)
	cp "$NODE_EXAMPLES" "$fresh"
	if ! npm install --prefix "$fresh" --omit=dev --ignore-scripts --no-audit --no-fund --silent; then
		rm -rf "$fresh"
		echo "the tests need the packages of $NODE_EXAMPLES in $NODE; please install them with npm" >&2
		exit 1
	fi
	mv "$fresh/node_modules" "$fresh/package.json" "$NODE"
	rm -rf "$fresh"
}

# Takes the server alone out of a later Debian, from where this one has its packages, and changes nothing of this one.
install_nats() {
	local dir sources=/etc/apt/sources.list.d/debian.sources
	dir=$(mktemp -d)
	mkdir -p "$dir/lists/partial" "$dir/archives/partial" "$NATS"
	local apt=(apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir" -o Dir::State::Lists="$dir/lists"
		-o Dir::Cache="$dir" -o APT::Sandbox::User=)
	echo "installing the nats-server of Debian $NATS_SUITE in $NATS" >&2
	if (sed "1,/^\$/s/^Suites:.*/Suites: $NATS_SUITE/;/^\$/q" "$sources" >"$dir/later.sources" &&
		cd "$dir" && "${apt[@]}" update && "${apt[@]}" download nats-server && dpkg -x nats-server_*.deb .) >"$dir/log" 2>&1; then
		mv "$dir/usr/sbin/nats-server" "$NATS"
		rm -rf "$dir"
	else
		tail -n 5 "$dir/log" >&2
		rm -rf "$dir"
		echo "the tests need a nats-server that is older than 2.9.7, or 2.9.16 or later; please put one in $NATS" >&2
		exit 1
	fi
}

mapfile -t packages < <(
	missing_packages
	[ "${1:-}" != compose ] || missing_for_compose
	[ "${1:-}" != long ] || missing_for_long
)
if [ "${#packages[@]}" -gt 0 ]; then
	install_packages "${packages[@]}"
fi
if ! have_venv; then
	install_venv
fi
if ! have_node_packages; then
	install_node_packages
fi
if ! have_nats; then
	install_nats
fi
