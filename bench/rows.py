"""The rows: what is measured, who is beside us, and how much better we want to be.

Of every figure less is better, and a factor says how many times as much the other one takes.
"""

import dataclasses
import functools
from typing import Callable

import loads
from databases import Postgres
from kit import Ours
from peers import Mosquitto, NatsMqtt, Nginx, Rumqttd

# All load is of one thing, as it is of one user on the other side, so what limits a thing is lifted.
OPEN = {"MF_ADAPTER_SESSIONS_PER_THING": "100000", "MF_MQTT_ADAPTER_MAX_SESSIONS_PER_THING": "100000",
        "MF_MQTT_ADAPTER_MAX_ACCEPTS_PER_SECOND": "0"}


@dataclasses.dataclass
class Contestant:
    """One server and its load; `wanted` is the least factor, for ours the most that its own figure may be."""

    label: str
    start: Callable
    load: Callable
    wanted: float | None = None


@dataclasses.dataclass
class Row:
    """One figure of several contestants, the first of which is ours."""

    name: str
    figure: str
    contestants: list
    rounds: int | None = None


def ours(load, label="ferroflux", wanted=None, history=False, **how):
    """Ours without history, as the brokers have none."""
    return Contestant(label, lambda folder: Ours(folder, history=history, **OPEN | how), load, wanted)


def brokers(load, mosquitto=None, nats=None, most=None, **how):
    """Us and the three brokers, and the factors wanted over two of them."""
    return [ours(load, wanted=most, **how)] + [
        Contestant(label, functools.partial(kind, **how), load, wanted)
        for label, kind, wanted in (("mosquitto", Mosquitto, mosquitto), ("nats", NatsMqtt, nats), ("rumqttd", Rumqttd, None))]


def load(kind, *fixed, **how):
    """A load that only wants a server."""
    return lambda server, **more: kind(server, *fixed, **how | more)


def http(certificates):
    publish = lambda server: loads.requests(server, f"/channels/{server.channel}/messages", server.key)
    post = lambda server: (server.durable_session(), publish(server))[1]
    empty = load(loads.requests, "/", "")
    yield Row("B1 HTTP publish", "cpu_us", [ours(post), Contestant("nginx 202", Nginx, empty, 0.5)])
    yield Row("B1 HTTP publish, stored", "cpu_us", [ours(load(loads.stored, publish), history=True), ours(post, "without history")])
    for name, mutual, wanted in (("full", False, 0.9), ("mutual", True, 0.9)):
        tls = {"certificates": certificates, "mutual": mutual}
        yield Row(f"B9 HTTPS handshakes, {name}", "cpu_us", [
            ours(load(loads.handshakes, **tls), **tls), Contestant("nginx", functools.partial(Nginx, **tls), load(loads.handshakes, **tls), wanted)])


def unstored():
    """QoS 0."""
    fanin, thousand = load(loads.messages, "fanin"), load(loads.messages, "fanout", "--subs", "1000", topic="x")
    hundred = load(loads.messages, "fanout", "--subs", "100", topic="x")
    yield Row("B2 fan-in 20:1, QoS 0", "cpu_us", brokers(fanin, 6, 1))
    yield Row("B2 fan-in 20:1, QoS 0, stored", "cpu_us", [ours(load(loads.stored, fanin), history=True), ours(fanin, "without history")])
    yield Row("B2 pairs 20:20, QoS 0", "cpu_us", brokers(load(loads.messages, "pair"), nats=1))
    yield Row("B3 fan-out 1:100, QoS 0", "cpu_us", brokers(hundred, 10, 1))
    yield Row("B3 fan-out 1:1000, QoS 0", "cpu_us", brokers(thousand, 10, 1))


def acknowledged():
    """QoS 1 and 2. What is kept for an offline session survives `kill -9` with us and with NATS."""
    yield Row("B4 fan-in 20:1, QoS 1", "cpu_us", brokers(load(loads.messages, "fanin", qos=1), nats=1))
    yield Row("B4 pairs 20:20, QoS 1", "cpu_us", brokers(load(loads.messages, "pair", qos=1), nats=1))
    yield Row("B4 fan-in 20:1, QoS 1, kept", "cpu_us", brokers(load(loads.kept, "fanin", qos=1), 4, 1))
    yield Row("B4 pairs 20:20, QoS 1, kept", "cpu_us", brokers(load(loads.kept, "pair", qos=1), 4, 1))
    yield Row("B5 fan-in 20:1, QoS 1, synced", "each_us", [
        ours(loads.acknowledged, MF_BUS_DURABILITY="power"), Contestant("postgresql", Postgres, loads.commits, 3)])
    yield Row("B6 pairs 20:20, QoS 2, kept", "cpu_us", brokers(load(loads.kept, "pair", qos=2), 2, 1))


def latency():
    for qos in (0, 1):
        # What a machine does besides weighs much in a percentile.
        yield Row(f"B7 1000 messages a second, QoS {qos}", "p99_us", brokers(load(loads.paced, qos=qos), 1), rounds=5)


def connections(certificates):
    for name, tls, wanted, most, beside in (
            ("plain", {}, 1, 4, None), ("TLS", {"certificates": certificates, "mutual": False}, 1.1, 18, None),
            ("mutual TLS", {"certificates": certificates, "mutual": True}, 1.4, 22, 0.67)):
        yield Row(f"B8 connections, {name}", "cpu_us", brokers(load(loads.connections, **tls), wanted, **tls))
        yield Row(f"B10 idle connections, {name}", "kb", brokers(load(loads.idle, **tls), beside, most=most, **tls), rounds=1)


def subscriptions():
    """What a message costs does not depend on how many subscriptions there are: here of a hundred subscribers together."""
    pairs = lambda count: load(loads.messages, "pair", "--pubs", "100", "--subs", "100", "--topics", str(count // 100), topic="{i}/{t}")
    yield Row("B21 100000 subscriptions", "cpu_us", [
        ours(pairs(100000)), ours(pairs(1000), "with 1000", 0.8), ours(pairs(10000), "with 10000"),
        Contestant("mosquitto", Mosquitto, pairs(100000), 1), Contestant("mosquitto, 1000", Mosquitto, pairs(1000))])


def isolation(certificates):
    """What others do hardly delays messages. The server has both cores; what disturbs shares the generator's."""
    tls = {"certificates": certificates}
    both = {"where": []}
    calm = load(loads.paced)
    slow = lambda server: loads.beside(server, loads.paced, "fanout", "--creds", server.credentials, "--subs", "200", "--rate", "200",
                                       "--slow", "10", "--topic", f"{server.topic}/slow", "--filter", f"{server.topic}/slow")
    guesses = lambda server: loads.beside(server, loads.paced, "connect", "--user", "bench", "--pass", "wrong")
    storm = lambda server: loads.beside(server, loads.paced, "connect", "--creds", server.credentials, "--ca", certificates.ca,
                                        "--cert", certificates.client, "--key", certificates.client_key, **tls)
    for name, disturbed, quiet, how in (("slow subscribers", slow, calm, {}), ("wrong passwords", guesses, calm, {}),
                                        ("a storm of mutual TLS", storm, load(loads.paced, **tls), tls)):
        yield Row(f"B22 1000 messages a second beside {name}", "p99_us", [
            ours(disturbed, **both, **how), ours(quiet, "undisturbed", 0.5, **both, **how),
            Contestant("mosquitto", functools.partial(Mosquitto, **both, **how), disturbed)])


def encrypted(certificates):
    tls = {"certificates": certificates, "mutual": False}
    for name, kind, qos in (("QoS 0", loads.messages, 0), ("QoS 1", loads.kept, 1)):
        over, plain = load(kind, "fanin", qos=qos, **tls), load(kind, "fanin", qos=qos)
        yield Row(f"B23 fan-in 20:1 over TLS, {name}", "cpu_us", [
            ours(over, **tls), ours(plain, "without TLS", 0.6), Contestant("mosquitto", functools.partial(Mosquitto, **tls), over)])


def rows(certificates):
    for group in (http(certificates), unstored(), acknowledged(), latency(), connections(certificates), subscriptions(),
                  isolation(certificates), encrypted(certificates)):
        yield from group
