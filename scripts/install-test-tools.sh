#!/usr/bin/env bash
# Installs what the tests run against: servers and clients from the distribution, Python packages in target/venv.
#
# It does nothing when all is there. Where it may not install, it says what to install and fails.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

VENV=target/venv
PYTHON_PACKAGES=(websockets==15.0.1 paho-mqtt==2.1.0 aiocoap==0.4.14)
PYTHON_MODULES=(websockets paho aiocoap)

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

missing_packages() {
	have_postgres || echo postgresql
	have nats-server || echo nats-server
	have mosquitto || echo mosquitto
	have mosquitto_pub || echo mosquitto-clients
	have nginx || echo nginx-light
	have curl || echo curl
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
	echo "installing ${PYTHON_PACKAGES[*]} in $VENV" >&2
	python3 -m venv "$VENV"
	if ! "$VENV/bin/pip" install -q --disable-pip-version-check "${PYTHON_PACKAGES[@]}"; then
		echo "the tests need these Python packages in $VENV; please install them:" >&2
		echo "  $VENV/bin/pip install ${PYTHON_PACKAGES[*]}" >&2
		exit 1
	fi
}

mapfile -t packages < <(missing_packages)
if [ "${#packages[@]}" -gt 0 ]; then
	install_packages "${packages[@]}"
fi
if ! have_venv; then
	install_venv
fi
