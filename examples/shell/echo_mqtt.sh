# Run by the tests. Subscribes over MQTT with TLS, publishes, and prints what comes back, with the Mosquitto clients.
set -eu

if [ -n "${CERT_FILE:-}" ]; then
  set -- --cert "$CERT_FILE" --key "$KEY_FILE"
else
  set -- -u "$THING" -P "$KEY"
fi
set -- -h "$MQTT_HOST" -p "$MQTT_PORT" --cafile "$CA_FILE" -t "channels/$CHANNEL/messages" -q 1 "$@"
# A session that lasts 60 s is made first, so that the message waits in it for the subscriber; the second one ends it.
session="echo-$$"
mosquitto_sub "$@" -i "$session" -c -x 60 -V mqttv5 -E
mosquitto_pub "$@" -m '[{"n":"temperature","u":"Cel","v":21.5}]'
mosquitto_sub "$@" -i "$session" -c -x 0 -V mqttv5 -C 1 -W 10 -F 'received %p'
