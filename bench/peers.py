"""The servers beside us: NGINX, Mosquitto, NATS' MQTT and rumqttd, each on the core that ours is bound to."""

import subprocess
import sys

from kit import ROOT, SERVER, free_port, offline_session, reachable, wait_for

RUMQTTD = ROOT / "bench/load/target/release/rumqttd"


class Nginx:
    """NGINX with one worker, which answers 202 and does nothing else."""

    def __init__(self, folder, certificates=None, mutual=True):
        config = folder / "nginx.conf"
        self.folder, self.http = folder, free_port()
        tls = f"""ssl_certificate {certificates.cert}; ssl_certificate_key {certificates.key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
    {f"ssl_verify_client on; ssl_client_certificate {certificates.ca};" if mutual else ""}""" if certificates else ""
        config.write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  server {{
    listen 127.0.0.1:{self.http}{" ssl" if certificates else ""}; location / {{ return 202; }}
    {tls}
  }}
}}
""")
        self.process = subprocess.Popen([*SERVER, "nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
        wait_for("nginx to start", lambda: reachable(self.http))


class Broker:
    """What the MQTT brokers share: one user, who may do everything below one topic."""

    topic = "load"

    def start(self, folder, certificates, where, *command):
        self.folder, self.certificates = folder, certificates
        self.credentials = folder / "broker-credentials"
        self.credentials.write_text("bench bench x\n")
        log = open(folder / "broker.log", "w")
        self.process = subprocess.Popen([*where, *command], stdout=log, stderr=log)
        wait_for(f"{command[0]} to start", lambda: self.process.poll() is not None or reachable(self.mqtt))
        if self.process.poll() is not None:
            sys.exit(f"{command[0]} does not start:\n{(folder / 'broker.log').read_text()}")

    def durable_session(self):
        offline_session(self.mqtt, "bench", "bench", f"{self.topic}/#", self.certificates)


class Mosquitto(Broker):
    """Mosquitto with a password and an access list, so that both sides authorize; it forgets everything when it is killed."""

    def __init__(self, folder, certificates=None, where=SERVER, mutual=True):
        self.mqtt = free_port()
        passwords = folder / "passwords"
        passwords.touch(mode=0o644)
        subprocess.run(["mosquitto_passwd", "-b", passwords, "bench", "bench"], check=True)
        (folder / "acl").write_text("user bench\ntopic readwrite load/#\n")
        tls = f"cafile {certificates.ca}\ncertfile {certificates.cert}\nkeyfile {certificates.key}\n" \
              f"require_certificate {str(mutual).lower()}\n" if certificates else ""
        # Its default of 1000 queued messages makes it drop what it has acknowledged; ours waits for the subscriber.
        (folder / "mosquitto.conf").write_text(
            f"listener {self.mqtt} 127.0.0.1\npassword_file {passwords}\nacl_file {folder}/acl\nallow_anonymous false\nuser root\n"
            f"max_queued_messages 0\nmax_inflight_messages 256\n{tls}")
        self.start(folder, certificates, where, "mosquitto", "-c", folder / "mosquitto.conf")


class NatsMqtt(Broker):
    """NATS with JetStream and MQTT, a password and permissions; it stores QoS 1 and 2, as far as the page cache."""

    def __init__(self, folder, certificates=None, where=SERVER, mutual=True):
        self.mqtt = free_port()
        tls = f"""tls {{ cert_file: "{certificates.cert}", key_file: "{certificates.key}"
            {f'ca_file: "{certificates.ca}", verify: true' if mutual else ''} }}""" if certificates else ""
        (folder / "nats.conf").write_text(f"""
listen: 127.0.0.1:{free_port()}
server_name: bench
jetstream {{ store_dir: "{folder}/jetstream" }}
mqtt {{ listen: "127.0.0.1:{self.mqtt}"
    {tls} }}
authorization {{ users: [ {{ user: bench, password: bench,
    permissions: {{ publish: ["load.>", "$MQTT.>"], subscribe: ["load", "load.>", "$MQTT.>"] }} }} ] }}
""")
        self.start(folder, certificates, where, "nats-server", "-c", folder / "nats.conf")


class Rumqttd(Broker):
    """rumqttd with a password; it has no access list and keeps what is published in memory."""

    def __init__(self, folder, certificates=None, where=SERVER, mutual=True):
        self.mqtt = free_port()
        authority = f'capath = "{certificates.ca}"' if certificates and mutual else ""
        tls = f'[v4.1.tls]\n{authority}\ncertpath = "{certificates.cert}"\nkeypath = "{certificates.key}"\n' if certificates else ""
        (folder / "rumqttd.toml").write_text(f"""
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "bench"
listen = "127.0.0.1:{self.mqtt}"
next_connection_delay_ms = 0
{tls}
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 20480
max_inflight_count = 100
auth = {{ bench = "bench" }}
""")
        self.start(folder, certificates, where, RUMQTTD, folder / "rumqttd.toml")
