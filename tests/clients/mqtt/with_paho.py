"""Goes through what a client expects of a server with Paho: HOST PORT TRANSPORT VERSION THING KEY TOPIC.

Prints a word for each thing that works; whatever does not ends the program with a traceback.
"""

import queue
import sys
import uuid

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, TRANSPORT, VERSION, THING, KEY, TOPIC = sys.argv[1:]
V5 = VERSION == "5"
DEADLINE = 10


class Client:
    """A connected client whose messages wait in a queue."""

    def __init__(self, name, keep=False, will=None):
        self.messages, self.events = queue.Queue(), queue.Queue()
        clean = {} if V5 else {"clean_session": not keep}
        self.paho = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=name,
            transport=TRANSPORT,
            protocol=mqtt.MQTTv5 if V5 else mqtt.MQTTv311,
            **clean,
        )
        self.paho.username_pw_set(THING, KEY)
        if TRANSPORT == "websockets":
            self.paho.ws_set_options(path="/mqtt")
        if will:
            self.paho.will_set(TOPIC, will, qos=1)
        self.paho.on_message = lambda _, __, message: self.messages.put(message)
        self.paho.on_connect = lambda _, __, flags, reason, ___: self.events.put((flags, reason))
        self.paho.on_subscribe = lambda *_: self.events.put("subscribed")
        arguments = {}
        if V5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 600 if keep else 0
            arguments = {"clean_start": not keep, "properties": properties}
        self.paho.connect(HOST, int(PORT), keepalive=30, **arguments)
        self.paho.loop_start()
        flags, reason = self.events.get(timeout=DEADLINE)
        assert not reason.is_failure, reason
        self.resumed = flags.session_present

    def subscribe(self, qos):
        self.paho.subscribe(TOPIC, qos)
        assert self.events.get(timeout=DEADLINE) == "subscribed"

    def publish(self, payload, qos, retain=False):
        info = self.paho.publish(TOPIC, payload, qos, retain)
        info.wait_for_publish(DEADLINE)
        assert info.is_published()

    def expect(self, payload, qos, retain=False):
        message = self.messages.get(timeout=DEADLINE)
        got = (message.topic, message.payload.decode(), message.qos, bool(message.retain))
        assert got == (TOPIC, payload, qos, retain), got

    def vanish(self):
        """Closes the socket without a word."""
        self.paho.on_disconnect = None
        self.paho._sock_close()
        self.paho.loop_stop()

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


def unique(name):
    return f"{name}-{uuid.uuid4()}"


publisher, subscriber = Client(unique("publisher")), Client(unique("subscriber"))
subscriber.subscribe(2)
for qos in (0, 1, 2):
    publisher.publish(f"qos {qos}", qos)
    subscriber.expect(f"qos {qos}", qos)
    print(f"qos{qos}")

publisher.publish("kept", 1, retain=True)
subscriber.expect("kept", 1)
late = Client(unique("late"))
late.subscribe(2)
late.expect("kept", 1, retain=True)
late.close()
publisher.publish("", 1, retain=True)
subscriber.expect("", 1)
print("retained")

mortal = Client(unique("mortal"), will="gone")
mortal.vanish()
subscriber.expect("gone", 1)
print("will")

name = unique("keeper")
keeper = Client(name, keep=True)
assert not keeper.resumed
keeper.subscribe(2)
keeper.close()
for qos in (1, 2):
    publisher.publish(f"queued {qos}", qos)
keeper = Client(name, keep=True)
assert keeper.resumed
for qos in (1, 2):
    keeper.expect(f"queued {qos}", qos)
keeper.close()
Client(name).close()
print("session")
publisher.close()
subscriber.close()
