# Run by the tests. A backend that takes each message of all channels from NATS, over mutual TLS.
#
# `protoc -I proto/mainflux --python_out=. message.proto` makes message_pb2.py.
import asyncio
import os
import ssl

import nats
from message_pb2 import RawMessage

env = os.environ


async def main():
    tls = ssl.create_default_context(cafile=env["CA_FILE"])
    tls.load_cert_chain(env["CERT_FILE"], env["KEY_FILE"])
    async with await nats.connect(env["NATS_URL"], tls=tls) as client:
        # From here on messages wait for this consumer until it acknowledges them, also while it is away.
        consumer = await client.jetstream().pull_subscribe("channel.>", durable="backend", stream="MESSAGES")
        print("ready", flush=True)
        [delivery] = await consumer.fetch(1, timeout=30)
        message = RawMessage.FromString(delivery.data)
        print("received", message.channel, message.publisher, message.protocol, message.payload.decode())
        await delivery.ack_sync()


asyncio.run(main())
