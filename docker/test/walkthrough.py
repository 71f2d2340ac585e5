"""What is promised of each mode, walked from outside: key mode, certificates of the registry, and those of 0.9."""

import json
import pathlib
import urllib.parse

from composition import until
from outside import Device, Platform, got


def paths(platform, device=None):
    """People need no certificate, and what is not for the world is not there."""
    assert platform.call("GET", "/things").status == 200
    for path in ["/metrics", "/health", "/http/metrics", "/ws/metrics", "/mqtt/metrics", "/things/../metrics", "/http/channels/../../metrics"]:
        for plain in (True, False):
            assert (reply := platform.curl(path, plain=plain)).status == 404, (path, reply)
    assert platform.curl("/things", "-X", "OPTIONS").status == 200
    assert json.loads(platform.curl("/version", plain=True).body)["service"] == "things"


def through(platform, channel, device, key, plain):
    """A message of each protocol reaches the others."""
    subscriber = platform.subscribe(channel, device, plain=plain)
    try:
        assert (reply := platform.post(channel, "over HTTP", device, key, plain=plain)).status == 202, reply
        assert got(subscriber) == "over HTTP"
        assert platform.publish(channel, device, "over MQTT", plain=plain) == 0
        assert got(subscriber) == "over MQTT"
        query = f"?authorization={key}" if key else ""
        assert platform.echo(channel, device, query) == "over a WebSocket"
        assert got(subscriber) == "over a WebSocket"
    finally:
        subscriber.kill()
        subscriber.wait()
    assert platform.mqtt_over_websocket(channel, device) == "over MQTT over a WebSocket"


def key_mode(composition):
    platform = Platform(composition)
    platform.log_in()
    paths(platform)
    channel = platform.create("channels")
    device, stranger = platform.device(channel), platform.device()
    for plain in (True, False):
        through(platform, channel, device, device.key, plain)
        assert platform.post(channel, "x", key=stranger.key, plain=plain).status == 403
        assert platform.post(channel, "x", plain=plain).status == 403
        assert platform.publish(channel, device.having(key="wrong"), "x", plain=plain) != 0
    assert platform.echo(channel, None, f"?authorization={stranger.key}") == 403


def refused(platform, channel, device):
    """Without a certificate nobody gets in, by whatever door; one of another CA opens none at all."""
    nobody = device.having(certificate=None)
    for plain in (True, False):
        assert (reply := platform.post(channel, "x", key=device.key, plain=plain)).status == 403, reply
        # What a client says of itself is not what NGINX says of it.
        forged = f"Client-Cert: {urllib.parse.quote(pem(platform, device))}"
        forged = platform.curl(f"/http/channels/{channel}/messages", "-H", forged, "-d", "x", plain=plain)
        assert forged.status == 403, forged
    assert platform.echo(channel, nobody, f"?authorization={device.key}") == 403
    assert platform.publish(channel, nobody, "x") != 0
    assert platform.publish(channel, nobody, "x", plain=True) != 0
    assert platform.mqtt_over_websocket(channel, nobody) != "over MQTT over a WebSocket"
    other = device.having(certificate="other/thing")
    for path in ["/things", f"/http/channels/{channel}/messages"]:
        assert (reply := platform.curl(path, "-H", f"Authorization: {platform.token}", device=other)).status == 400, reply
    assert platform.publish(channel, other, "x") != 0


def pem(platform, device):
    return pathlib.Path(platform.files(device)[0]).read_text()


def issue(composition, device, *what):
    """Makes a certificate for a thing, and one that another CA made."""
    composition.make("thing_cert", *what, f"CRT_FILE_NAME={device.id}")
    composition.make("ca", "thing_cert", "CRT_LOCATION=certs/other", "CRT_FILE_NAME=thing")


def certificates(composition):
    """Things that are nothing but their registered certificate."""
    platform = Platform(composition)
    platform.log_in()
    paths(platform)
    channel = platform.create("channels")
    device, stranger = platform.device(channel), platform.device(channel)
    issue(composition, device, f"THING={device.id}")
    alone = Device(device.id, None, device.id)
    assert platform.post(channel, "x", alone).status == 403
    reply = platform.call("POST", f"/things/{device.id}/certs", {"pem": pem(platform, alone)})
    assert reply.status == 201, reply
    through(platform, channel, alone, None, plain=False)
    refused(platform, channel, device.having(certificate=device.id))
    # A key beside the certificate must be of the same thing, over MQTT over WebSocket too.
    mixed = Device(stranger.id, stranger.key, device.id)
    assert platform.post(channel, "x", mixed, stranger.key).status == 403
    assert platform.publish(channel, mixed, "x") != 0
    assert platform.echo(channel, mixed, f"?authorization={stranger.key}") == 403
    assert platform.mqtt_over_websocket(channel, mixed) != "over MQTT over a WebSocket"
    subscriber = platform.subscribe(channel, alone)
    revoked = platform.call("POST", f"{reply.headers['location']}/revoke")
    assert revoked.status in (200, 204), revoked
    assert subscriber.wait(20) != 0 or "DISCONNECT" in subscriber.stdout.read()
    assert platform.post(channel, "x", alone).status == 403


def history(composition):
    """What was acknowledged is stored, and given back to whoever may read it."""
    platform = Platform(composition)
    platform.log_in()
    channel = platform.create("channels")
    device = platform.device(channel)
    if composition.environment["AUTH"] == "x509":
        issue(composition, device, f"THING={device.id}")
        device = device.having(certificate=device.id)
        assert platform.call("POST", f"/things/{device.id}/certs", {"pem": pem(platform, device)}).status == 201
    assert platform.post(channel, '[{"n":"temperature","u":"Cel","v":21.5}]', device, device.key).status == 202

    def stored():
        reply = platform.call("GET", f"/channels/{channel}/messages")
        assert reply.status == 200, reply
        return json.loads(reply.body)["messages"]

    (message,) = until("the message to be stored", stored)
    assert (message["name"], message["value"], message["publisher"]) == ("temperature", 21.5, device.id)
    assert platform.curl(f"/channels/{channel}/messages", "-H", f"Authorization: {device.key}").status == 200
    assert platform.curl(f"/channels/{channel}/messages", "-H", "Authorization: nobody").status == 403


def rows(composition):
    """Rows 60 to 70 of the contract: the key of the thing is in the CN."""
    platform = Platform(composition)
    platform.log_in()
    channel = platform.create("channels")
    one, two = platform.device(channel), platform.device(channel)
    issue(composition, one, f"KEY={one.key}")  # 60
    device = one.having(certificate=one.id)
    paths(platform)  # 61
    assert (reply := platform.post(channel, "62", device)).status == 202, reply
    assert platform.post(channel, "63", device, two.key).status == 403
    refused(platform, channel, device)  # 64, 65
    subscriber = platform.subscribe(channel, device)  # 67
    assert platform.publish(channel, device, "66") == 0
    assert got(subscriber) == "66"
    subscriber.kill()
    subscriber.wait()
    assert platform.publish(channel, device.having(key=two.key), "68") != 0
    assert platform.echo(channel, device, f"?authorization={one.key}", "69") == "69"
    assert platform.echo(channel, device) == 403  # 70
    assert platform.echo(channel, device, f"?authorization={two.key}") == 403  # 70
    # Fixed: 0.9 took a key that only begins like the one in the certificate, and never looked over MQTT over WebSocket.
    assert platform.post(channel, "x", device, one.key[:-1]).status == 403
    assert platform.mqtt_over_websocket(channel, device) == "over MQTT over a WebSocket"
    assert platform.mqtt_over_websocket(channel, device.having(key=two.key)) != "over MQTT over a WebSocket"
