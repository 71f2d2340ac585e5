"""A WebSocket client of the Python `websockets` library: prints what it gets, sends what it reads.

Usage: ws.py URL [NAME:VALUE ...]; the first line printed is `open` or `refused STATUS`, the last one `closed CODE REASON`.
For wss:// the files are in the environment: WS_CA, and WS_CERT with WS_KEY for a client certificate.
A frame is printed as `text PAYLOAD` or `binary HEX`; a line `text PAYLOAD` or `binary HEX` on standard input is sent.
"""

import asyncio
import os
import ssl
import sys

import websockets


def say(line):
    print(line, flush=True)


async def send_lines(socket):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := (await reader.readline()).decode().rstrip("\n"):
        kind, _, payload = line.partition(" ")
        await socket.send(payload if kind == "text" else bytes.fromhex(payload))


def tls(url):
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context(cafile=os.environ["WS_CA"])
    if "WS_CERT" in os.environ:
        context.load_cert_chain(os.environ["WS_CERT"], os.environ["WS_KEY"])
    return context


async def main(url, headers):
    try:
        socket = await websockets.connect(url, additional_headers=headers, compression=None, ssl=tls(url))
    except websockets.InvalidStatus as refusal:
        say(f"refused {refusal.response.status_code}")
        return
    say("open")
    sender = asyncio.create_task(send_lines(socket))
    try:
        async for frame in socket:
            say(f"text {frame}" if isinstance(frame, str) else f"binary {frame.hex()}")
    except websockets.ConnectionClosedError:
        pass
    sender.cancel()
    say(f"closed {socket.close_code} {socket.close_reason}")


asyncio.run(main(sys.argv[1], dict(pair.split(":", 1) for pair in sys.argv[2:])))
