# Run by the tests. Subscribes over MQTT with TLS, publishes, and prints what comes back.
import os
import ssl

import paho.mqtt.client as mqtt

env = os.environ
topic = f"channels/{env['CHANNEL']}/messages"
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
tls = ssl.create_default_context(cafile=env["CA_FILE"])
if "CERT_FILE" in env:
    tls.load_cert_chain(env["CERT_FILE"], env["KEY_FILE"])
else:
    client.username_pw_set(env["THING"], env["KEY"])
client.tls_set_context(tls)


def on_connect(client, userdata, flags, reason, properties):
    if reason.is_failure:
        raise SystemExit(f"refused: {reason}")
    client.subscribe(topic, qos=1)


def on_subscribe(client, userdata, mid, reasons, properties):
    client.publish(topic, '[{"n":"temperature","u":"Cel","v":21.5}]', qos=1)


def on_message(client, userdata, message):
    print("received", message.payload.decode())
    client.disconnect()


client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect(env["MQTT_HOST"], int(env["MQTT_PORT"]))
client.loop_forever()
