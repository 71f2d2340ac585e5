#!/usr/bin/env bash
# Gets the base images of the composition; where no registry is reached, makes stand-ins for them out of Debian packages.
#
# usage: base-images.sh [POSTGRES_TAG NATS_TAG NGINX_TAG]
#
# The stand-ins take the variables, ports and paths that the composition needs, and are for tests: the versions are those of Debian,
# whatever the tag says. It needs root, a running engine and debootstrap, and does nothing where an image exists.
set -euo pipefail

postgres=${1:-postgres:16-alpine} nats=${2:-nats:2.11-alpine} nginx=${3:-nginx:1.28-alpine}
base=debian:bookworm-slim
install='apt-get update && apt-get install -y --no-install-recommends'
clean='rm -rf /var/lib/apt/lists/*'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/context"

have() {
	docker image inspect "$1" >/dev/null 2>&1
}

pull() {
	timeout 300 docker pull -q "$1" 2>/dev/null
}

# Builds an image from a Dockerfile on the standard input.
build() {
	DOCKER_BUILDKIT=0 docker build -q --network host -t "$1" -f - "$work/context" >/dev/null 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
	echo "made $1"
}

make_base() {
	debootstrap --variant=minbase bookworm "$work/root" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; exit 1; }
	tar -C "$work/root" -c . | docker import - "$base" >/dev/null
	echo "made $base"
}

make_postgres() {
	# What a composition uses of the official entry point: POSTGRES_USER, _PASSWORD_FILE and _DB, PGDATA, more arguments.
	cat >"$work/context/entry" <<-'SCRIPT'
		#!/bin/bash
		set -e
		export PGDATA=${PGDATA:-/var/lib/postgresql/data}
		[ "${1:-}" = postgres ] && shift
		if [ ! -e "$PGDATA/.ready" ]; then
		  find "$PGDATA" -mindepth 1 -delete
		  initdb -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 >/dev/null
		  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
		  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres >/dev/null
		  touch "$PGDATA/.ready"
		fi
		exec postgres -c listen_addresses='*' "$@"
	SCRIPT
	build "$postgres" <<-DOCKERFILE
		FROM $base
		RUN $install postgresql-15 && $clean && ln -sf /usr/lib/postgresql/15/bin/* /usr/local/bin/ \
		 && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data && chmod 3777 /run/postgresql
		COPY entry /usr/local/bin/docker-entrypoint.sh
		RUN chmod 755 /usr/local/bin/docker-entrypoint.sh
		STOPSIGNAL SIGINT
		ENTRYPOINT ["docker-entrypoint.sh"]
		CMD ["postgres"]
	DOCKERFILE
}

make_nats() {
	# The server that the other tests run against.
	PATH=$(realpath -m "$0/../../../target/nats"):$PATH:/usr/sbin
	cp "$(command -v nats-server)" "$work/context"
	build "$nats" <<-DOCKERFILE
		FROM $base
		RUN $install ca-certificates wget && $clean
		COPY nats-server /usr/local/bin/
		CMD ["nats-server"]
	DOCKERFILE
}

make_nginx() {
	build "$nginx" <<-DOCKERFILE
		FROM $base
		RUN $install nginx-light libnginx-mod-stream wget && $clean
		STOPSIGNAL SIGQUIT
		CMD ["nginx", "-g", "daemon off;"]
	DOCKERFILE
}

make_stand_in() {
	have "$base" || pull "$base" || make_base
	"$1"
}

have "$postgres" || pull "$postgres" || make_stand_in make_postgres
have "$nats" || pull "$nats" || make_stand_in make_nats
have "$nginx" || pull "$nginx" || make_stand_in make_nginx
