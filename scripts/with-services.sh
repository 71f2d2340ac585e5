#!/usr/bin/env bash
# Runs a command with a PostgreSQL and a NATS server of its own, and stops both when it ends, however it ends.
#
# usage: with-services.sh COMMAND [ARGUMENT...]
#
# The command finds them by TEST_POSTGRES_URL and TEST_NATS_URL, and the CA of PostgreSQL's certificate by TEST_POSTGRES_CA;
# tests that start servers themselves find the programs by TEST_POSTGRES_BIN (a directory) and TEST_NATS_SERVER.
# With TEST_TIMESCALEDB=1 every database has the extension timescaledb, which must be installed.
set -eu
# With job control each child has a process group, so that stopping the command stops what it started.
set -m

# The NATS server that install-test-tools.sh put there goes before the distribution's.
export PATH=$(realpath -m "$0/../../target/nats"):$PATH:/usr/sbin:/sbin
DEADLINE_SECONDS=60

if [ $# -eq 0 ]; then
	echo "usage: $0 COMMAND [ARGUMENT...]" >&2
	exit 64
fi

fail() {
	echo "$0: $1" >&2
	[ -z "${2:-}" ] || tail -n 20 "$2" >&2
	exit 69
}

# Debian keeps the server's programs out of the path, one folder per version.
find_postgres() {
	local debian
	debian=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
	if [ -x "$debian/initdb" ]; then
		echo "$debian"
	elif command -v initdb >/dev/null; then
		dirname "$(command -v initdb)"
	fi
}

postgres_bin=$(find_postgres)
nats_server=$(command -v nats-server || true)
if [ -z "$postgres_bin" ] || [ -z "$nats_server" ]; then
	fail "no PostgreSQL or no nats-server: run scripts/install-test-tools.sh"
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/with-services.XXXXXX")
command_pid='' postgres_pid='' nats_pid=''

# shellcheck disable=SC2317 # reached by the traps
stop() {
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	[ -z "$command_pid" ] || kill -TERM -- "-$command_pid" 2>/dev/null || true
	[ -z "$postgres_pid" ] || kill -INT "$postgres_pid" 2>/dev/null || true
	[ -z "$nats_pid" ] || kill -TERM "$nats_pid" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$dir"
	exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The servers also stop when this script is killed: the parent-death signal reaches them.
as_owner=(setpriv --pdeathsig INT)
mkdir "$dir/postgres" "$dir/nats"
certs=$dir/postgres/certs
make -s -C "$(dirname "$0")/../ssl" CRT_LOCATION="$certs" postgres_cert >"$dir/certs.log" 2>&1 ||
	fail "no certificate for PostgreSQL" "$dir/certs.log"
if [ "$(id -u)" -eq 0 ]; then
	# PostgreSQL refuses to run as root.
	as_owner=(setpriv --reuid postgres --regid postgres --init-groups --pdeathsig INT)
	chmod 711 "$dir"
	chown -R postgres: "$dir/postgres"
fi

random_hex() {
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# Below the range that the kernel hands out, so that no client's port is in the way.
random_port() {
	echo $((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000))
}

wait_until() {
	local pid=$1
	shift
	local end=$((SECONDS + DEADLINE_SECONDS))
	until "$@"; do
		kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

timescale=()
if [ "${TEST_TIMESCALEDB:-}" = 1 ]; then
	# Databases are copies of template1, to which its background worker must not be connected then.
	timescale=(-c shared_preload_libraries=timescaledb -c timescaledb.telemetry_level=off -c timescaledb.max_background_workers=0)
fi

start_postgres() {
	local port=$1
	(
		cd "$dir/postgres"
		exec "${as_owner[@]}" "$postgres_bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
			-c "unix_socket_directories=$dir/postgres" -c fsync=off -c synchronous_commit=off \
			-c full_page_writes=off -c max_connections=300 "${timescale[@]}" \
			-c ssl=on -c ssl_cert_file="$certs/postgres.crt" -c ssl_key_file="$certs/postgres.key"
	) >"$dir/postgres.log" 2>&1 &
	postgres_pid=$!
	wait_until "$postgres_pid" "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p "$port"
}

password=$(random_hex)
install -m 644 /dev/stdin "$dir/postgres/password" <<<"$password"
(
	cd "$dir/postgres"
	"${as_owner[@]}" "$postgres_bin/initdb" -D data -U postgres -E UTF8 --locale=C --no-sync \
		--auth-local=trust --auth-host=scram-sha-256 --pwfile=password
) >"$dir/initdb.log" 2>&1 || fail "initdb failed" "$dir/initdb.log"

port=$(random_port)
for _ in 1 2 3; do
	! start_postgres "$port" || break
	! kill -0 "$postgres_pid" 2>/dev/null || fail "PostgreSQL is not ready in time" "$dir/postgres.log"
	# It ended by itself: most likely the port was taken.
	postgres_pid=''
	port=$(random_port)
done
[ -n "$postgres_pid" ] || fail "PostgreSQL does not start" "$dir/postgres.log"
if [ "${#timescale[@]}" -gt 0 ]; then
	for database in template1 postgres; do
		"${as_owner[@]}" "$postgres_bin/psql" -qX -h "$dir/postgres" -p "$port" -c 'CREATE EXTENSION timescaledb' "$database" \
			>"$dir/timescale.log" 2>&1 || fail "no TimescaleDB" "$dir/timescale.log"
	done
fi

setpriv --pdeathsig TERM "$nats_server" -a 127.0.0.1 -p -1 -js -sd "$dir/nats" --ports_file_dir "$dir/nats" \
	>"$dir/nats.log" 2>&1 &
nats_pid=$!
# The server writes its address here once it listens.
wait_until "$nats_pid" compgen -G "$dir/nats/*.ports" >/dev/null || fail "nats-server is not ready in time" "$dir/nats.log"

export TEST_POSTGRES_BIN=$postgres_bin TEST_NATS_SERVER=$nats_server TEST_POSTGRES_CA=$certs/ca.crt
export TEST_POSTGRES_URL=postgres://postgres:$password@127.0.0.1:$port/postgres
TEST_NATS_URL=$(sed -n 's/.*"\(nats:[^"]*\)".*/\1/p' "$dir"/nats/*.ports)
export TEST_NATS_URL

"$@" </dev/null &
command_pid=$!
status=0
wait "$command_pid" || status=$?
command_pid=''
exit "$status"
