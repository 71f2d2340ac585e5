# Run by the tests. Shows how a port of the platform speaks TLS, and fails when its certificate is not to be trusted.
set -eu

if [ -n "${CERT_FILE:-}" ]; then
  set -- -cert "$CERT_FILE" -key "$KEY_FILE"
fi
openssl s_client -connect "$MQTT_HOST:$MQTT_PORT" -verify_return_error -brief \
  -CAfile "$CA_FILE" -servername "$MQTT_HOST" -verify_hostname "$MQTT_HOST" "$@" </dev/null
