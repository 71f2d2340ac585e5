"""What is acknowledged stays, whatever is killed: a ledger on one side, a durable subscriber on the other."""

import http.client
import ssl
import threading
import time

import paho.mqtt.client as mqtt

from composition import until
from outside import Platform

RECONNECT = 0.2


class Ledger:
    """Publishes without a pause over HTTP and MQTT, notes what was acknowledged and what arrived."""

    def __init__(self, platform, channel, device):
        self.platform, self.device = platform, device
        self.path = f"/http/channels/{channel}/messages"
        self.topic = f"channels/{channel}/messages"
        # What was acknowledged, with what was being done at that moment, and what arrived.
        self.acknowledged, self.arrived = {}, set()
        self.doing = "nothing"
        self.stopping, self.published = threading.Event(), threading.Event()
        self.subscriber = self.client("ledger-subscriber")
        self.publisher = self.client("ledger-publisher")
        self.threads = [threading.Thread(target=work) for work in (self.by_http, self.by_mqtt)]

    def client(self, name):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        client.tls_set_context(self.platform.tls(self.device))
        client.username_pw_set(self.device.id, self.device.key)
        client.reconnect_delay_set(RECONNECT, 1)
        return client

    def __enter__(self):
        ready = threading.Event()
        self.subscriber.on_connect = lambda client, *rest: client.subscribe(self.topic, 1)
        self.subscriber.on_subscribe = lambda *rest: ready.set()
        self.subscriber.on_message = lambda client, data, message: self.arrived.add(message.payload.decode())
        self.publisher.on_publish = lambda *rest: self.published.set()
        for client in (self.subscriber, self.publisher):
            client.connect("localhost", self.platform.composition.mqtts)
            client.loop_start()
        assert ready.wait(20), "the subscriber has no subscription"
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stop()
        for client in (self.subscriber, self.publisher):
            client.disconnect()
            client.loop_stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()

    def by_http(self):
        connection = http.client.HTTPSConnection("localhost", self.platform.composition.https, timeout=10, context=self.platform.tls(self.device))
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                connection.request("POST", self.path, f"http {number}", {"Authorization": self.device.key})
                reply = connection.getresponse()
                reply.read()
            except (OSError, http.client.HTTPException, ssl.SSLError):
                connection.close()
                time.sleep(RECONNECT)
                continue
            if reply.status == 202:
                self.acknowledged[f"http {number}"] = self.doing
            else:
                time.sleep(RECONNECT)

    def by_mqtt(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            self.published.clear()
            # The client keeps what is not acknowledged and sends it again after it reconnected.
            self.publisher.publish(self.topic, f"mqtt {number}", 1)
            while not (done := self.published.wait(0.1)) and not self.stopping.is_set():
                pass
            if done:
                self.acknowledged[f"mqtt {number}"] = self.doing

    def goes_on(self):
        """Waits until messages of both protocols are acknowledged again."""
        for protocol in ("http", "mqtt"):
            count = lambda: sum(name.startswith(protocol) for name in list(self.acknowledged))
            before = count()
            until(f"{protocol} goes on", lambda: count() > before + 5)

    def is_complete(self):
        """Waits until all that was acknowledged has arrived."""
        lost = lambda: {name: doing for name, doing in self.acknowledged.items() if name not in self.arrived}
        try:
            until("all that was acknowledged to arrive", lambda: not lost())
        except AssertionError as late:
            raise AssertionError(f"{late}: {len(lost())} of {len(self.acknowledged)} did not: {lost()}") from None
        print(f"    {len(self.acknowledged)} messages acknowledged, all arrived", flush=True)


def survive(composition):
    """Kills each container and restarts what holds data, while messages flow."""
    platform = Platform(composition)
    platform.log_in()
    channel = platform.create("channels")
    device = platform.device(channel)
    if composition.environment["AUTH"] == "x509":
        composition.make("thing_cert", f"THING={device.id}", f"CRT_FILE_NAME={device.id}")
        device = device.having(certificate=device.id)
        pem = (composition.certs / f"{device.id}.crt").read_text()
        assert platform.call("POST", f"/things/{device.id}/certs", {"pem": pem}).status == 201
    with Ledger(platform, channel, device) as ledger:
        ledger.goes_on()
        for service in composition.services:
            ledger.doing = f"kill {service}"
            composition.kill(service)
            ledger.goes_on()
        for services in (["users-db", "things-db"], ["nats"]):
            ledger.doing = f"restart {' '.join(services)}"
            composition.restart(*services)
            ledger.goes_on()
        ledger.stop()
        ledger.is_complete()
    assert platform.call("GET", f"/things/{device.id}").status == 200
