"""Goes through what a client expects of a server with aiomqtt: HOST PORT TRANSPORT VERSION THING KEY TOPIC.

Prints a word for each thing that works; whatever does not ends the program with a traceback.
"""

import asyncio
import sys
import uuid

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, TRANSPORT, VERSION, THING, KEY, TOPIC = sys.argv[1:]
V5 = VERSION == "5"
DEADLINE = 10


def client(name, keep=False, will=None):
    session = {"clean_session": not keep}
    if V5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 600 if keep else 0
        session = {"clean_start": not keep, "properties": properties}
    return aiomqtt.Client(
        HOST,
        int(PORT),
        username=THING,
        password=KEY,
        identifier=name,
        transport=TRANSPORT,
        websocket_path="/mqtt" if TRANSPORT == "websockets" else None,
        protocol=aiomqtt.ProtocolVersion.V5 if V5 else aiomqtt.ProtocolVersion.V311,
        will=will and aiomqtt.Will(TOPIC, will, qos=1),
        **session,
    )


async def expect(client, payload, qos, retain=False):
    message = await asyncio.wait_for(anext(client.messages), DEADLINE)
    got = (str(message.topic), message.payload.decode(), message.qos, bool(message.retain))
    assert got == (TOPIC, payload, qos, retain), got


def unique(name):
    return f"{name}-{uuid.uuid4()}"


async def main():
    async with client(unique("publisher")) as publisher, client(unique("subscriber")) as subscriber:
        await subscriber.subscribe(TOPIC, 2)
        for qos in (0, 1, 2):
            await publisher.publish(TOPIC, f"qos {qos}", qos)
            await expect(subscriber, f"qos {qos}", qos)
            print(f"qos{qos}")

        await publisher.publish(TOPIC, "kept", 1, retain=True)
        await expect(subscriber, "kept", 1)
        async with client(unique("late")) as late:
            await late.subscribe(TOPIC, 2)
            await expect(late, "kept", 1, retain=True)
        await publisher.publish(TOPIC, "", 1, retain=True)
        await expect(subscriber, "", 1)
        print("retained")

        mortal = client(unique("mortal"), will="gone")
        await mortal.__aenter__()
        mortal._client._sock_close()
        await expect(subscriber, "gone", 1)
        print("will")

        name = unique("keeper")
        async with client(name, keep=True) as keeper:
            await keeper.subscribe(TOPIC, 2)
        for qos in (1, 2):
            await publisher.publish(TOPIC, f"queued {qos}", qos)
        async with client(name, keep=True) as keeper:
            for qos in (1, 2):
                await expect(keeper, f"queued {qos}", qos)
        async with client(name):
            pass
        print("session")


asyncio.run(main())
