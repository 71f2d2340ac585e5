"""MQTT over WebSocket with the Paho library: subscribes, publishes to itself at QoS 1, prints what comes back.

Usage: mqtt_ws.py HOST PORT PATH THING KEY TOPIC PAYLOAD; prints `TOPIC PAYLOAD` and exits with 0, or the reason and 1.
For TLS the files are in the environment: WS_CA, WS_CERT and WS_KEY. WS_HEADER is a header more, NAME:VALUE.
"""

import os
import sys
import threading

import paho.mqtt.client as mqtt

host, port, path, thing, key, topic, payload = sys.argv[1:]
arrived = threading.Event()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets", protocol=mqtt.MQTTv5)
header = os.environ.get("WS_HEADER")
client.ws_set_options(path=path, headers=dict([header.split(":", 1)]) if header else None)
client.username_pw_set(thing, key)
if "WS_CA" in os.environ:
    client.tls_set(os.environ["WS_CA"], os.environ["WS_CERT"], os.environ["WS_KEY"])
client.on_connect = lambda client, data, flags, reason, properties: (
    client.subscribe(topic, qos=1) if reason == 0 else sys.exit(f"refused: {reason}")
)
client.on_subscribe = lambda client, data, mid, reasons, properties: client.publish(topic, payload, qos=1)


def on_message(client, data, message):
    print(message.topic, message.payload.decode(), flush=True)
    arrived.set()


client.on_message = on_message
client.connect(host, int(port))
client.loop_start()
if not arrived.wait(20):
    sys.exit("nothing came back in 20 s")
client.disconnect()
client.loop_stop()
