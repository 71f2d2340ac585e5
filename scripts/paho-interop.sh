#!/usr/bin/env bash
# Runs the interoperability suites of Eclipse Paho, for MQTT 3.1.1 and 5.0, against target/debug/ferroflux.
#
# usage: paho-interop.sh SUITE [TEST...]
#
# SUITE is a checkout of https://github.com/eclipse/paho.mqtt.testing; it is copied, not changed. With names of tests, such as
# Test.test_basic, only those are run.
#
# The suites know topics such as TopicA/B and no credentials, so they run as a thing with a default channel, on a port that
# takes whoever comes for it. Four places of the suites are mended in the copy:
# - they take -h for a question, and -p for the name of a test: the address is written where their default is;
# - they ignore the filter of -n, for which a subscription is to be refused: it is one of a channel that the thing has no part in;
# - 5.0 takes 0x80 for the only refusal of a subscription, where 0x87 (not authorized) says why (MQTT 5.0 section 3.9.3);
# - 5.0 waits twice for the SUBACK of one client where it has to wait for that of the other.
set -eu

cd "$(dirname "$0")/.."
if [ $# -lt 1 ] || [ ! -f "$1/interoperability/client_test5.py" ]; then
	echo "usage: $0 CHECKOUT_OF_PAHO_MQTT_TESTING [TEST...]" >&2
	exit 64
fi
suite=$1
shift
binary=target/debug/ferroflux
[ -x "$binary" ] || { echo "$0: build it first: cargo build -p ferroflux" >&2; exit 69; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/paho-interop.XXXXXX")
pid=''
stop_server() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	pid=''
}
trap 'stop_server; rm -rf "$dir"' EXIT

cp -r "$suite/interoperability" "$dir/suite"
foreign=channels/00000000-0000-4000-8000-000000000000/messages
sed -i "s|\"test/nosubscribe\"|\"$foreign\"|" "$dir"/suite/client_test*.py
sed -i -e 's|\.subscribeds\[0\]\[1\]\[0\]\.value == 0x80|.subscribeds[0][1][0].value in (0x80, 0x87)|' \
	-e '/bclient\.subscribe/{n;s|callback\.subscribeds|callback2.subscribeds|}' "$dir/suite/client_test5.py"
sed -i 's|reasonCode.value in \[0, 1, 2, 0x80\]|reasonCode.value in [0, 1, 2, 0x80, 0x87]|' "$dir/suite/mqtt/formats/MQTTV5/MQTTV5.py"

# Every port is chosen by the system and written to run.json.
ports=()
for name in FRONT USERS_HTTP USERS_GRPC THINGS_HTTP THINGS_AUTH_HTTP THINGS_AUTH_GRPC HTTP_ADAPTER WS_ADAPTER MQTT_ADAPTER MQTT_ADAPTER_WS WRITER READER; do
	ports+=("MF_${name}_PORT=0")
done

address() {
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["listeners"][sys.argv[2]])' "$dir/data/run.json" "$1"
}

start_server() {
	rm -f "$dir/data/run.json"
	env "${ports[@]}" "$@" "$binary" run --data "$dir/data" >>"$dir/log" 2>&1 &
	pid=$!
	local end=$((SECONDS + 30))
	until [ -f "$dir/data/run.json" ] && curl -fs "http://$(address front)/health/ready" >/dev/null; do
		kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || { cat "$dir/log" >&2; exit 69; }
		sleep 0.05
	done
}

api() {
	curl -fsS -H 'Content-Type: application/json' "$@"
}

start_server
front=http://$(address front)
account='{"email":"paho@example.com","password":"correct horse"}'
api -d "$account" "$front/users"
token=$(api -d "$account" "$front/tokens" | cut -d'"' -f4)
create() {
	api -D - -o /dev/null -H "Authorization: $token" -d '{}' "$front/$1" | sed -n 's|^location: /[a-z]*/\([0-9a-f-]*\).*|\1|p'
}
thing=$(create things) channel=$(create channels)
api -X PUT -H "Authorization: $token" "$front/channels/$channel/things/$thing"
api -X PUT -H "Authorization: $token" -d "{\"channel_id\":\"$channel\"}" "$front/things/$thing/default_channel"
stop_server

# What the suites expect to be configured: a keep-alive of at most a minute, and a receive maximum that they can exceed.
start_server MF_MQTT_ADAPTER_HOST=127.0.0.1 "MF_MQTT_ADAPTER_ANONYMOUS_THING=$thing" \
	MF_MQTT_ADAPTER_MAX_KEEP_ALIVE=60 MF_MQTT_ADAPTER_RECEIVE_MAXIMUM=20
port=$(address mqtt)
port=${port##*:}
cd "$dir/suite"
sed -i -e 's|host = "localhost"|host = "127.0.0.1"|' -e "s|port = 1883|port = $port|" client_test*.py
status=0
for program in client_test.py client_test5.py; do
	echo "== $program"
	python3 "$program" "$@" || status=1
done
exit "$status"
