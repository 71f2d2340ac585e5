"""Good and bad TLS clients of Python's `ssl`, each against one listener: prints `ROW OUTCOME` per row.

Usage: tls_rows.py HOST PORT http|grpc|mqtt CROWD FOLDER; the folder has ca.crt and NAME.crt with NAME.key for good, foreign
and expired. CROWD silent peers are there while a good client is served, and so are a half hello and a trickle.
An outcome is `ok`, `closed`, `open`, or the reason of the alert.
"""

import contextlib
import socket
import ssl
import sys
import threading
import time

HOST, PORT, PROTOCOL, CROWD, FOLDER = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
PATIENCE = 30
# What a server of the protocol answers.
OPENINGS = {
    "http": b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n",
    "grpc": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    "mqtt": bytes.fromhex("1010 0004 4d515454 04 02 003c 0004 74657374".replace(" ", "")),
}


def context(name=None):
    made = ssl.create_default_context(cafile=f"{FOLDER}/ca.crt")
    if name:
        made.load_cert_chain(f"{FOLDER}/{name}.crt", f"{FOLDER}/{name}.key")
    if PROTOCOL == "grpc":
        made.set_alpn_protocols(["h2"])
    return made


def connect():
    # Not from where plaintext is taken.
    return socket.create_connection((HOST, PORT), PATIENCE, ("127.0.0.2", 0))


def tls(made):
    """Says hello to the application: in TLS 1.3 a client hears of its refusal only then."""
    try:
        with connect() as plain, made.wrap_socket(plain, server_hostname="localhost") as stream:
            stream.sendall(OPENINGS[PROTOCOL])
            return "ok" if stream.recv(1) else "closed"
    except ssl.SSLError as error:
        return error.reason or str(error)
    except ConnectionError:
        return "closed"


def old():
    made = context("good")
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    return tls(made)


def rest(plain):
    """What comes until the listener closes, told as an outcome."""
    try:
        while plain.recv(4096):
            pass
    except TimeoutError:
        return "open"
    except ConnectionError:
        pass
    return "closed"


def plaintext():
    with connect() as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        return rest(plain)


def silent():
    with connect() as plain:
        return rest(plain)


def half_hello():
    with connect() as plain:
        plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        return rest(plain)


def trickle():
    """One byte of a long hello at a time, until the listener has enough."""
    began = time.monotonic()
    with connect() as plain:
        with contextlib.suppress(ConnectionError):
            plain.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc")
            while time.monotonic() - began < PATIENCE:
                plain.sendall(b"\x03")
                time.sleep(0.05)
            return "open"
    return "closed"


def say(row, outcome):
    print(row, outcome, flush=True)


outcomes = {}
slow = [
    threading.Thread(target=lambda name=name, row=row: outcomes.__setitem__(name, row()))
    for name, row in [("silent", silent), ("half-hello", half_hello), ("trickle", trickle)]
]
crowd = [connect() for _ in range(CROWD)]
for thread in slow:
    thread.start()
say("good-meanwhile", tls(context("good")))
for row, outcome in [
    ("no-certificate", lambda: tls(context())),
    ("foreign", lambda: tls(context("foreign"))),
    ("expired", lambda: tls(context("expired"))),
    ("plaintext", plaintext),
    ("tls-1.1", old),
]:
    say(row, outcome())
for thread in slow:
    thread.join()
for name, outcome in outcomes.items():
    say(name, outcome)
for peer in crowd:
    peer.close()
say("good", tls(context("good")))
