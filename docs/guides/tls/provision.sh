# Makes a thing and a channel, connects them, and leaves their ids in THING and CHANNEL, the thing's key in KEY.
# Read by `. docs/guides/tls/provision.sh` where CA and TOKEN are set; THINGS is the address of the API.
THINGS=${THINGS:-https://localhost:8080}
api() { curl -sS --fail-with-body --cacert "$CA" -H "Authorization: $TOKEN" -H 'Content-Type: application/json' "$@"; }
created() { api -i -d "{\"name\":\"weio\"}" "$THINGS/$1" | tr -d '\r' | sed -n "s#^[Ll]ocation: /$1/##p"; }
export THING=$(created things) CHANNEL=$(created channels)
export KEY=$(api "$THINGS/things/$THING" | jq -r .key)
api -X PUT "$THINGS/channels/$CHANNEL/things/$THING"
echo "THING=$THING CHANNEL=$CHANNEL"
