# Run by the tests. Publishes over HTTPS with curl, with a client certificate or with the thing's key.
set -eu

if [ -n "${CERT_FILE:-}" ]; then
  set -- --cert "$CERT_FILE" --key "$KEY_FILE"
else
  set -- -H "Authorization: Thing $KEY"
fi
curl --silent --show-error --fail-with-body --max-time 10 --cacert "$CA_FILE" "$@" \
  --data '[{"n":"temperature","u":"Cel","v":21.5}]' "$HTTP_URL/channels/$CHANNEL/messages"
echo published
