"""Benchmarks B1 to B5: HTTP publish beside NGINX answering 202, MQTT fan-in and fan-out beside Mosquitto, mutual TLS
handshakes beside NGINX, and the memory of idle mutual TLS connections beside Mosquitto.

No peer stores what it is sent. B1 to B3 are measured twice: without history, as the peers are, and with the history that
we keep by default; CPU per message then counts until the last one is stored.

Every round runs us and the peer one after the other on the same machine; what is printed is the median of the
per-round ratios. CPU per message is the steadier figure on a shared machine: it leaves the load generator out.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from kit import GENERATOR, LOAD, SERVER, Certificates, Ours, cpu_seconds, free_port, reachable, wait_for

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = os.environ.get("BENCH_SECONDS", "4")
IDLE = os.environ.get("BENCH_IDLE", "2000")


class Nginx:
    """NGINX with one worker, which answers 202 and does nothing else."""

    def __init__(self, folder, certificates):
        config = folder / "nginx.conf"
        self.port, self.tls_port = free_port(), free_port()
        config.write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  server {{ listen 127.0.0.1:{self.port}; location / {{ return 202; }} }}
  server {{
    listen 127.0.0.1:{self.tls_port} ssl; location / {{ return 202; }}
    ssl_certificate {certificates.cert}; ssl_certificate_key {certificates.key};
    ssl_verify_client on; ssl_client_certificate {certificates.ca};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
  }}
}}
""")
        self.process = subprocess.Popen([*SERVER, "nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
        wait_for("nginx to start", lambda: reachable(self.port))


class Mosquitto:
    """Mosquitto with a password and an access list, so that both sides authorize."""

    def __init__(self, folder, certificates=None):
        self.port = free_port()
        passwords = folder / "passwords"
        passwords.touch(mode=0o644)
        subprocess.run(["mosquitto_passwd", "-b", passwords, "bench", "bench"], check=True)
        (folder / "acl").write_text("user bench\ntopic readwrite load/#\n")
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\npassword_file {passwords}\nacl_file {folder}/acl\nallow_anonymous false\nuser root\n"
            "max_queued_messages 0\n" + (f"cafile {certificates.ca}\ncertfile {certificates.cert}\nkeyfile {certificates.key}\n"
                                         "require_certificate true\n" if certificates else ""))
        self.credentials = folder / "mosquitto-credentials"
        self.credentials.write_text("bench bench x\n")
        self.process = subprocess.Popen([*SERVER, "mosquitto", "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
        wait_for("mosquitto to start", lambda: reachable(self.port))


def wrk(folder, port, pid, path, key):
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        'wrk.body = [[{"n":"voltage","u":"V","v":120.1,"t":1276020076.001,"pad":"0123456"}]]\n'
        f'wrk.headers["Authorization"] = "{key}"\nwrk.headers["Content-Type"] = "application/senml+json"\n'
        'done = function(summary) io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, '
        'summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout)) end\n')
    before = cpu_seconds(pid)
    out = subprocess.run([*GENERATOR, "wrk", "-t1", "-c32", f"-d{SECONDS}", "-s", script, f"http://127.0.0.1:{port}{path}"],
                         capture_output=True, text=True, check=True).stdout
    requests, micros, errors = map(int, out.split("RESULT ")[1].split())
    if errors:
        sys.exit(f"{errors} of {requests} requests failed on port {port}")
    cpu = cpu_seconds(pid) - before
    return {"rate": requests / (micros / 1e6), "cpu_us": cpu * 1e6 / requests}


def mqttload(mode, port, pid, credentials, topic, wildcard, *more):
    out = subprocess.run([*GENERATOR, LOAD, mode, "--addr", f"127.0.0.1:{port}", "--pid", str(pid), "--creds", credentials, "--secs", SECONDS,
                          "--topic", topic, "--filter", wildcard, *more], capture_output=True, text=True, check=True).stdout
    result = json.loads(out)
    return {"rate": result["recv_per_s"], "cpu_us": result["server_us_per_msg"]}


def stored(ours, load, copies=1):
    """A load whose every message, delivered so many times, is stored; until then all CPU counts."""
    before, written = cpu_seconds(ours.process.pid), ours.metric("writer_messages_total")
    result, seen = load(), written
    while (now := ours.metric("writer_messages_total")) > seen:
        seen = now
        time.sleep(0.5)
    cpu = cpu_seconds(ours.process.pid) - before
    return {"rate": result["rate"], "cpu_us": cpu * 1e6 / ((seen - written) * copies)}


def handshakes(port, pid, certificates):
    """Whole handshakes with client certificates and one request each, by OpenSSL's own client."""
    before = cpu_seconds(pid)
    out = subprocess.run([*GENERATOR, "openssl", "s_time", "-new", "-time", SECONDS, "-connect", f"127.0.0.1:{port}", "-www", "/version",
                          "-CAfile", certificates.ca, "-cert", certificates.client, "-key", certificates.client_key],
                         capture_output=True, text=True, check=True).stdout
    count, seconds = re.search(r"(\d+) connections in (\d+) real seconds", out).groups()
    if int(count) < 20:
        sys.exit(f"only {count} handshakes on port {port}:\n{out}")
    return {"rate": int(count) / int(seconds), "cpu_us": (cpu_seconds(pid) - before) * 1e6 / int(count)}


def idle(port, pid, credentials, certificates):
    """The memory that each of many idle connections with client certificates takes."""
    out = subprocess.run([*GENERATOR, LOAD, "idle", "--addr", f"127.0.0.1:{port}", "--pid", str(pid), "--creds", credentials, "--secs", "2",
                          "--conns", IDLE, "--concurrency", "16", "--ca", certificates.ca, "--cert", certificates.client,
                          "--key", certificates.client_key], capture_output=True, text=True, check=True).stdout
    result = json.loads(out)
    if result["alive"] != int(IDLE):
        sys.exit(f"only {result['alive']} of {IDLE} idle connections are alive on port {port}: {result['errors']}")
    return result["server_kb_per_conn"]


def compare(name, peer_name, ours, peer):
    rounds = [(ours(), peer()) for _ in range(ROUNDS)]
    rate = statistics.median(a["rate"] / b["rate"] for a, b in rounds)
    cpu = statistics.median(b["cpu_us"] / max(a["cpu_us"], 1e-3) for a, b in rounds)
    mine, theirs = rounds[-1]
    print(f"{name:<30} {mine['rate']:>10.0f}/s {mine['cpu_us']:>7.2f} us | {peer_name:<9} {theirs['rate']:>10.0f}/s "
          f"{theirs['cpu_us']:>7.2f} us | rate {rate:5.2f} x, messages per CPU second {cpu:5.2f} x", flush=True)


def memory(folder, certificates):
    """Both are started afresh: memory that an earlier load left behind would hide what connections take."""
    sizes = []
    for kind, port in ((Ours, lambda server: server.at["mqtt"].split(":")[1]), (Mosquitto, lambda server: server.port)):
        own = folder / f"idle-{kind.__name__}"
        own.mkdir()
        server = kind(own, certificates)
        try:
            sizes.append(idle(port(server), server.process.pid, server.credentials, certificates))
        finally:
            server.process.terminate()
            server.process.wait(timeout=20)
    ours, theirs = sizes
    print(f"{'B5 idle mutual TLS':<30} {ours:>10.1f} kB {'':>9} | {'mosquitto':<9} {theirs:>10.1f} kB {'':>9} | "
          f"memory of {IDLE} connections {ours / theirs:5.2f} x", flush=True)


def messages(ours, nginx, mosquitto, counted, suffix):
    """B1 to B3; `counted` runs one of our loads and takes what its every message costs."""
    pid, mqtt, http = ours.process.pid, ours.at["mqtt"].split(":")[1], ours.at["http-adapter"].split(":")[1]
    ours.durable_session()
    path = f"/channels/{ours.durable}/messages"
    compare(f"B1 HTTP publish{suffix}", "nginx 202",
            lambda: counted(ours, lambda: wrk(ours.folder, http, pid, path, ours.key)),
            lambda: wrk(ours.folder, nginx.port, nginx.process.pid, path, ours.key))
    for label, mode, copies, more in [("B2 fan-in 20:1 QoS 0", "fanin", 1, []), ("B3 fan-out 1:100 QoS 0", "fanout", 100, ["--subs", "100"])]:
        tail = "{i}" if mode == "fanin" else "x"
        wildcard = "#" if mode == "fanin" else "x"
        compare(f"{label}{suffix}", "mosquitto",
                lambda: counted(ours, lambda: mqttload(mode, mqtt, pid, ours.credentials, f"channels/{{c}}/messages/load/{tail}",
                                                       f"channels/{{c}}/messages/load/{wildcard}", *more), copies),
                lambda: mqttload(mode, mosquitto.port, mosquitto.process.pid, mosquitto.credentials, f"load/{tail}", f"load/{wildcard}", *more))


def main():
    started = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        try:
            certificates = Certificates(folder)
            for part in ("plain", "history", "secure"):
                (folder / part).mkdir()
            nothing = folder / "channels.toml"
            nothing.write_text("[channels]\nfilter = []\n")
            for start in (lambda: Ours(folder / "plain", MF_WRITER_CHANNELS_CONFIG=str(nothing)), lambda: Ours(folder / "history"),
                          lambda: Nginx(folder, certificates), lambda: Mosquitto(folder), lambda: Ours(folder / "secure", certificates)):
                started.append(start())
            plain, history, nginx, mosquitto, encrypted = started
            messages(plain, nginx, mosquitto, lambda ours, load, copies=1: load(), "")
            messages(history, nginx, mosquitto, stored, ", stored")
            https = encrypted.at["http-adapter"].split(":")[1]
            compare("B4 mutual handshakes", "nginx",
                    lambda: handshakes(https, encrypted.process.pid, certificates),
                    lambda: handshakes(nginx.tls_port, nginx.process.pid, certificates))
            memory(folder, certificates)
        finally:
            for server in started:
                server.process.terminate()
            for server in started:
                server.process.wait(timeout=60)


main()
