"""Publishes numbered SenML over MQTT 3.1.1 at QoS 1 on schedule: mqttload's payloads are bytes, and stored as such."""

import select
import socket
import struct
import sys
import time

TICK = 0.005
PUBACK = 0x40


def publish(address, user, password, topic, count, rate, connections=10):
    """Sends the numbers below count; returns after how many seconds the last PUBACK came."""
    links = [Link(address, user, password, f"senml{number}") for number in range(connections)]
    start, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - start) * rate))
        for number, link in enumerate(links):
            link.send(b"".join(packet(topic, i, i // connections) for i in range(sent, due) if i % connections == number))
        sent = due
        take(links, TICK)
    deadline = time.monotonic() + 60
    while sum(link.acknowledged for link in links) < count:
        take(links, 1)
        if time.monotonic() > deadline:
            sys.exit(f"{sum(link.acknowledged for link in links)} of {count} messages are acknowledged after a minute")
    seconds = time.monotonic() - start
    for link in links:
        link.socket.close()
    return seconds


def take(links, patience):
    """Reads acknowledgements for so long, or until all that came have been read."""
    end = time.monotonic() + patience
    ready = True
    while ready and time.monotonic() < end:
        ready = select.select(links, [], [], max(0, end - time.monotonic()))[0]
        for link in ready:
            link.receive()


def packet(topic, number, sequence):
    payload = b'[{"n":"load","u":"V","v":%d}]' % number
    body = text(topic) + struct.pack("!H", sequence % 65535 + 1) + payload
    assert len(body) < 128, "the length has one byte"
    return bytes([0x32, len(body)]) + body


def text(value):
    return struct.pack("!H", len(value)) + value.encode()


class Link:
    """One connection."""

    def __init__(self, address, user, password, client):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), 10)
        self.rest = b""
        self.acknowledged = 0
        body = text("MQTT") + bytes([4, 0xC2]) + struct.pack("!H", 60) + text(client) + text(user) + text(password)
        length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
        self.socket.sendall(b"\x10" + length + body)
        if self.socket.recv(4, socket.MSG_WAITALL) != b"\x20\x02\x00\x00":
            sys.exit("the connection is refused")

    def fileno(self):
        return self.socket.fileno()

    def send(self, packets):
        if packets:
            self.socket.sendall(packets)

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            sys.exit("a connection was closed")
        data = self.rest + data
        whole = len(data) // 4
        if any(byte != PUBACK for byte in data[:whole * 4:4]):
            sys.exit("not a PUBACK")
        self.acknowledged += whole
        self.rest = data[whole * 4:]
