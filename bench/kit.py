"""What all benchmarks start and ask: the platform, its first user, and the clock of a process."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOAD = ROOT / "bench/load/target/release/mqttload"
BINARY = os.environ.get("BENCH_BINARY", ROOT / "target/release/ferroflux")
PROC = pathlib.Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
# One-core figures: every server is bound to the first core, the load generators to the second.
SERVER, GENERATOR = (["taskset", "-c", str(core)] for core in sorted(os.sched_getaffinity(0))[:2])


def cpu_times(entry):
    """Of a process in /proc: its parent, then CPU time in ticks, user and system, of itself and of its children that ended."""
    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]), *map(int, fields[11:15])


def cpu_seconds(pid):
    """CPU time of a process and its children, also of those that ended."""
    while True:
        before, children = cpu_times(PROC / str(pid)), 0
        for entry in PROC.iterdir():
            try:
                parent, user, system, *_ = cpu_times(entry) if entry.name.isdigit() else (0, 0, 0)
            except OSError:
                continue
            children += user + system if parent == pid else 0
        after = cpu_times(PROC / str(pid))
        # A child that ended meanwhile may have been counted twice or not at all.
        if before[3:] == after[3:]:
            return (sum(after[1:]) + children) / TICK


def wait_for(what, attempt, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = attempt()
        if value:
            return value
        time.sleep(0.02)
    sys.exit(f"waited {seconds} s in vain: {what}")


def request(method, url, headers=None, body=None):
    data = json.dumps(body).encode() if body is not None else None
    headers = dict(headers or {})
    if data is not None:
        headers["Content-Type"] = "application/json"
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10)


class Certificates:
    """A CA, the certificate of every server, and that of every client."""

    def __init__(self, folder):
        self.folder = folder / "certs"
        for target in (["server_cert"], ["thing_cert", "CRT_FILE_NAME=client"]):
            subprocess.run(["make", "-s", "-C", ROOT / "ssl", f"CRT_LOCATION={self.folder}", *target], check=True, stdout=subprocess.DEVNULL)
        # Mosquitto may run as another user.
        self.folder.chmod(0o755)
        for key in self.folder.glob("*.key"):
            key.chmod(0o644)
        self.ca, self.cert, self.key = (self.folder / name for name in ("ca.crt", "mainflux-server.crt", "mainflux-server.key"))
        self.client, self.client_key = self.folder / "client.crt", self.folder / "client.key"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def offline_session(port, user, password, everything, certificates):
    """Leaves a session behind that has to get every message."""
    tls = ["--cafile", certificates.ca, "--cert", certificates.client, "--key", certificates.client_key] if certificates else []
    subprocess.run(["mosquitto_sub", "-h", "localhost", "-p", str(port), "-u", user, "-P", password, "-i", "keeper",
                    "-c", "-q", "1", "-t", everything, "-E", *tls], check=True, timeout=30)


class Ours:
    """The release binary in one process, with a user, a thing and a connected channel."""

    def __init__(self, folder, certificates=None, where=SERVER, mutual=True, history=True, **more):
        ports = ["USERS_HTTP", "USERS_GRPC", "THINGS_HTTP", "THINGS_AUTH_HTTP", "THINGS_AUTH_GRPC", "HTTP_ADAPTER",
                 "WS_ADAPTER", "MQTT_ADAPTER", "MQTT_ADAPTER_WS", "FRONT", "READER", "WRITER"]
        env = {f"MF_{name}_PORT": "0" for name in ports} | more
        if certificates:
            env |= self.tls(certificates, mutual)
        if not history:
            nothing = folder / "channels.toml"
            nothing.write_text("[channels]\nfilter = []\n")
            env["MF_WRITER_CHANNELS_CONFIG"] = str(nothing)
        self.folder, self.certificates = folder, certificates
        log = open(folder / "log", "w")
        self.process = subprocess.Popen([*where, BINARY, "run", "--data", folder / "data"],
                                        env={"PATH": os.environ["PATH"], **env}, stdout=log, stderr=log)
        run = folder / "data/run.json"
        self.at = wait_for("ferroflux to start", lambda: run.exists() and json.loads(run.read_text())["listeners"])
        self.at = {name: "127.0.0.1:" + address.rsplit(":", 1)[1] for name, address in self.at.items()}
        self.mqtt, self.http = (int(self.at[name].rsplit(":", 1)[1]) for name in ("mqtt", "http-adapter"))
        self.front = front = "http://" + self.at["front"]
        who = {"email": "bench@example.com", "password": "of the benchmark"}
        request("POST", f"{front}/users", body=who)
        token = json.load(request("POST", f"{front}/tokens", body=who))["token"]
        self.auth = auth = {"Authorization": token}
        self.thing = request("POST", f"{front}/things", auth, {}).headers["Location"].rsplit("/", 1)[1]
        if certificates and mutual:
            request("POST", f"{front}/things/{self.thing}/certs", auth, {"pem": certificates.client.read_text()})
        self.key = json.load(request("GET", f"{front}/things/{self.thing}", auth))["key"]
        self.channel = self.connected(front, auth)
        self.topic = f"channels/{self.channel}/messages/load"
        self.credentials = folder / "credentials"
        self.credentials.write_text(f"{self.thing} {self.key} x\n")

    @staticmethod
    def tls(certificates, mutual):
        """The devices' ports speak TLS, and demand certificates where it is mutual."""
        env = {}
        for name in ("HTTP_ADAPTER", "MQTT_ADAPTER"):
            env |= {f"MF_{name}_TLS_CERT_PEM_FILE": str(certificates.cert), f"MF_{name}_TLS_KEY_PEM_FILE": str(certificates.key)}
            if mutual:
                env[f"MF_{name}_TLS_CLIENT_CA_PEM_FILE"] = str(certificates.ca)
        return env

    def connected(self, front, auth):
        """Makes a channel that the thing is connected to."""
        channel = request("POST", f"{front}/channels", auth, {}).headers["Location"].rsplit("/", 1)[1]
        request("PUT", f"{front}/channels/{channel}/things/{self.thing}", auth)
        return channel

    def metric(self, name):
        """What the writer counts under a name, all labels together."""
        text = request("GET", f"http://{self.at['writer']}/metrics").read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))

    def durable_session(self):
        """With an offline session on the channel each message to it is really written to the log."""
        offline_session(self.mqtt, self.thing, self.key, f"channels/{self.channel}/messages/#", self.certificates)
