"""The platform as its users and devices see it from outside: curl, mosquitto and a WebSocket."""

import asyncio
import json
import ssl
import subprocess
import threading
import uuid

import paho.mqtt.client as mqtt
import websockets


class Reply:
    def __init__(self, text):
        head, _, self.body = text.replace("\r", "").partition("\n\n")
        lines = head.splitlines()
        self.status = int(lines[0].split()[1]) if lines else 0
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)

    def __repr__(self):
        return f"{self.status} {self.body.strip()}"


class Device:
    """A thing, what it knows itself by, and a certificate if it has one."""

    def __init__(self, id, key, certificate=None):
        self.id, self.key, self.certificate = id, key, certificate

    def having(self, **changes):
        return Device(**{**vars(self), **changes})


class Platform:
    """One address with its ports, and the CA its server is of."""

    def __init__(self, composition):
        self.composition = composition
        self.ca = str(composition.certs / "ca.crt")
        self.token = None

    def files(self, device):
        """Returns the files of a device's certificate; it may be of another CA, then with a path of its own."""
        if not device or not device.certificate:
            return None
        path = self.composition.certs / device.certificate
        return f"{path}.crt", f"{path}.key"

    def curl(self, path, *arguments, device=None, plain=False):
        at = f"http://localhost:{self.composition.http}" if plain else f"https://localhost:{self.composition.https}"
        more = []
        if files := self.files(device):
            more = ["--cert", files[0], "--key", files[1]]
        done = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "20", "--path-as-is", "--cacert", self.ca, *more, *arguments, at + path],
            text=True,
            capture_output=True,
        )
        return Reply(done.stdout)

    def call(self, method, path, body=None, **more):
        arguments = ["-X", method]
        if self.token:
            arguments += ["-H", f"Authorization: {self.token}"]
        if body is not None:
            arguments += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return self.curl(path, *arguments, **more)

    def log_in(self):
        """Registers somebody new, whose token is used from here on."""
        account = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse"}
        assert (reply := self.call("POST", "/users", account)).status == 201, reply
        assert (reply := self.call("POST", "/tokens", account)).status == 201, reply
        self.token = json.loads(reply.body)["token"]

    def create(self, kind):
        reply = self.call("POST", f"/{kind}", {"name": "weio"})
        assert reply.status == 201, reply
        return reply.headers["location"].rsplit("/", 1)[1]

    def device(self, *channels):
        """Creates a thing that is connected to the channels."""
        id = self.create("things")
        for channel in channels:
            assert (reply := self.call("PUT", f"/channels/{channel}/things/{id}")).status == 200, reply
        return Device(id, json.loads(self.call("GET", f"/things/{id}").body)["key"])

    def post(self, channel, payload, device=None, key=None, **more):
        authorization = ["-H", f"Authorization: {key}"] if key else []
        return self.curl(f"/http/channels/{channel}/messages", *authorization, "-d", payload, device=device, **more)

    def mosquitto(self, program, channel, device, *arguments, plain=False):
        """Returns the command line of a client of Mosquitto."""
        words = [f"mosquitto_{program}", "-h", "localhost", "-t", f"channels/{channel}/messages", "-q", "1", *arguments]
        words += ["-p", str(self.composition.mqtt if plain else self.composition.mqtts)]
        words += ["-u", device.id, "-P", device.key] if device.key else []
        words += [] if plain else ["--cafile", self.ca]
        if files := self.files(device):
            words += ["--cert", files[0], "--key", files[1]]
        return words

    def publish(self, channel, device, payload, **more):
        """Returns the exit status of mosquitto_pub."""
        words = self.mosquitto("pub", channel, device, "-m", payload, **more)
        return subprocess.run(words, capture_output=True, timeout=30).returncode

    def subscribe(self, channel, device, **more):
        """Returns a mosquitto_sub that has subscribed."""
        words = self.mosquitto("sub", channel, device, "-d", "-F", "got %p", **more)
        process = subprocess.Popen(["stdbuf", "-oL", *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in process.stdout:
            if line.startswith("Subscribed"):
                return process
        raise AssertionError(f"not subscribed: mosquitto_sub ended with {process.wait()}")

    def tls(self, device):
        context = ssl.create_default_context(cafile=self.ca)
        if files := self.files(device):
            context.load_cert_chain(*files)
        return context

    def echo(self, channel, device, query="", payload="over a WebSocket"):
        """Sends itself a message over a WebSocket; returns what came back, or the status of the refusal."""
        url = f"wss://localhost:{self.composition.https}/ws/channels/{channel}/messages{query}"

        async def exchange():
            try:
                async with websockets.connect(url, ssl=self.tls(device), compression=None) as socket:
                    await socket.send(payload)
                    return await asyncio.wait_for(socket.recv(), 20)
            except websockets.InvalidStatus as refusal:
                return refusal.response.status_code

        return asyncio.run(exchange())


    def mqtt_over_websocket(self, channel, device, payload="over MQTT over a WebSocket"):
        """Sends itself a message over MQTT over a WebSocket; returns what came back, or nothing after a refusal."""
        topic, back, done = f"channels/{channel}/messages", [], threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets", protocol=mqtt.MQTTv5)
        client.ws_set_options(path="/mqtt")
        client.tls_set_context(self.tls(device))
        if device.key:
            client.username_pw_set(device.id, device.key)
        client.on_connect = lambda client, data, flags, reason, properties: done.set() if reason != 0 else client.subscribe(topic, 1)
        client.on_connect_fail = lambda client, data: done.set()
        client.on_disconnect = lambda client, data, flags, reason, properties: done.set()
        client.on_subscribe = lambda client, data, mid, reasons, properties: client.publish(topic, payload, 1)
        client.on_message = lambda client, data, message: (back.append(message.payload.decode()), done.set())
        try:
            client.connect("localhost", self.composition.https)
        except (OSError, mqtt.WebsocketConnectionError):
            return None
        client.loop_start()
        done.wait(20)
        client.loop_stop()
        client.disconnect()
        return back[0] if back else None


def got(subscriber):
    """Returns the next payload a subscriber gets."""
    for line in subscriber.stdout:
        if line.startswith("got "):
            return line[4:].rstrip("\n")
    raise AssertionError(f"mosquitto_sub ended with {subscriber.wait()}")
