#!/usr/bin/env bash
# Goes through what a client expects of a server with mosquitto_pub, mosquitto_sub and mosquitto_rr:
# HOST PORT TRANSPORT VERSION THING KEY TOPIC; the transport is always TCP.
#
# Prints a word for each thing that works; whatever does not ends the script.
set -euo pipefail

host=$1 port=$2 version=$4 thing=$5 key=$6 topic=$7
[ "$version" = 5 ] || version=311
common=(-h "$host" -p "$port" -u "$thing" -P "$key" -V "$version")
unique=$RANDOM$RANDOM
dir=$(mktemp -d)
trap 'rm -rf "$dir"; kill $(jobs -p) 2>/dev/null || true' EXIT

publish() {
	timeout 10 mosquitto_pub "${common[@]}" -t "$topic" "$@"
}

# Starts a subscriber that writes to a file, and waits until it is subscribed.
subscribe() {
	local file=$1
	shift
	stdbuf -oL mosquitto_sub "${common[@]}" -d -q 2 -t "$topic" -F 'message %q %r %p' "$@" >"$dir/$file" &
	subscriber=$!
	until_written "$file" '^Subscribed (mid: 1): 2'
}

until_written() {
	local end=$((SECONDS + 10))
	until grep -q "$2" "$dir/$1"; do
		[ "$SECONDS" -lt "$end" ] || { echo "no $2 in:" >&2; cat "$dir/$1" >&2; exit 1; }
		read -rt 0.02 <> <(:) || true
	done
}

subscribe all
for qos in 0 1 2; do
	publish -q "$qos" -m "qos $qos"
	until_written all "^message $qos 0 qos $qos"
	echo "qos$qos"
done

publish -q 1 -r -m kept
until_written all '^message 1 0 kept'
subscribe late
until_written late '^message 1 1 kept'
publish -q 1 -r -n
echo retained

stdbuf -oL mosquitto_sub "${common[@]}" -d -t "$topic" --will-topic "$topic" --will-payload gone --will-qos 1 >"$dir/mortal" &
mortal=$!
until_written mortal '^Subscribed'
kill -KILL "$mortal"
until_written all '^message 1 0 gone'
echo will

keep=(-c -i "keeper-$unique")
[ "$version" = 311 ] || keep+=(-x 600)
subscribe first "${keep[@]}"
kill -TERM "$subscriber"
wait "$subscriber" || true
publish -q 1 -m 'queued 1'
publish -q 2 -m 'queued 2'
subscribe second "${keep[@]}"
until_written second '^message 1 0 queued 1'
until_written second '^message 2 0 queued 2'
kill -TERM "$subscriber"
wait "$subscriber" || true
timeout 10 mosquitto_sub "${common[@]}" -i "keeper-$unique" -t "$topic" -E
echo session

if [ "$version" = 5 ]; then
	stdbuf -oL mosquitto_sub "${common[@]}" -d -t "$topic/request" -C 1 -F '%R' >"$dir/request" &
	until_written request '^Subscribed'
	timeout 10 mosquitto_rr "${common[@]}" -t "$topic/request" -e "$topic/response" -m ping -W 10 >"$dir/response" &
	requester=$!
	until_written request "^$topic/response"
	timeout 10 mosquitto_pub "${common[@]}" -q 1 -t "$topic/response" -m pong
	wait "$requester"
	grep -q pong "$dir/response"
	echo request
fi
