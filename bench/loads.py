"""The loads of the benchmarks. Each runs against one server and returns what it measured: `rate` per second, CPU of the
server `cpu_us` per message, request or connection, `p50_us` and `p99_us` of delivery, memory `kb` per connection."""

import json
import os
import re
import subprocess
import time

from kit import GENERATOR, LOAD, cpu_seconds

SECONDS = os.environ.get("BENCH_SECONDS", "1")
# A percentile of a thousand messages a second needs more of them.
PACED_SECONDS = str(3 * int(SECONDS))
IDLE = os.environ.get("BENCH_IDLE", "5000")


class Refused(Exception):
    """A server that does not take a load, and why."""


def mqttload(server, mode, *more, certificates=None, mutual=True):
    """One run of the load generator: everything that it reports."""
    tls = ["--ca", certificates.ca] if certificates else []
    if certificates and mutual:
        tls += ["--cert", certificates.client, "--key", certificates.client_key]
    run = subprocess.run([*GENERATOR, LOAD, mode, "--addr", f"127.0.0.1:{server.mqtt}", "--pid", str(server.process.pid), "--creds",
                          server.credentials, *tls, *more], capture_output=True, text=True)
    try:
        report = json.loads(run.stdout)
    except ValueError:
        raise Refused(run.stderr.strip()) from None
    if report["failed"] or report["dead"]:
        raise Refused(", ".join(report["errors"]) or f"{report['failed'] + report['dead']} connections")
    return report


def messages(server, mode, *more, qos=0, seconds=SECONDS, topic="{i}", **tls):
    """Messages as fast as they go, or at the rate that `more` says."""
    everything = "#" if mode == "fanin" else topic
    report = mqttload(server, mode, "--qos", str(qos), "--secs", seconds, "--warm", "0.5", "--drain", "1",
                      "--topic", f"{server.topic}/{topic}", "--filter", f"{server.topic}/{everything}", *more, **tls)
    if not report["recv_per_s"]:
        raise Refused("not a message came")
    return {"rate": report["recv_per_s"], "cpu_us": report["server_us_per_msg"], "p50_us": report["delivery_us"]["p50"],
            "p99_us": report["delivery_us"]["p99"], "missing": report["missing"] / (report["missing"] + report["recv"]),
            "generator": report["tool_cpu_s"] / report["secs"]}


def paced(server, *more, qos=0, **tls):
    """A thousand messages a second from 20 publishers to as many subscribers."""
    return messages(server, "pair", "--rate", "1000", *more, qos=qos, seconds=PACED_SECONDS, **tls)


def kept(server, mode, *more, **how):
    """The same while an offline session has to get every message, too: ours writes each before it acknowledges it."""
    server.durable_session()
    return messages(server, mode, *more, **how)


def acknowledged(server):
    """How often a second a publication is acknowledged."""
    server.durable_session()
    report = mqttload(server, "fanin", "--qos", "1", "--secs", SECONDS, "--topic", f"{server.topic}/{{i}}", "--filter", f"{server.topic}/#")
    return {"rate": report["ack_per_s"], "each_us": 1e6 / report["ack_per_s"], "p50_us": report["ack_us"]["p50"], "p99_us": report["ack_us"]["p99"]}


def commits(postgres):
    """Single rows, each synced, by 16 clients."""
    postgres.sql("postgres", "CREATE TABLE IF NOT EXISTS rows (payload BYTEA)")
    insert = "INSERT INTO rows VALUES (decode(repeat('78', 64), 'hex'));\n"
    rate = postgres.pgbench(postgres.folder, "postgres", insert, "-c16", "-T", SECONDS)[1]
    return {"rate": rate, "each_us": 1e6 / rate}


def stored(ours, load):
    """A load whose every message is stored; until then all CPU counts."""
    before, written = cpu_seconds(ours.process.pid), ours.metric("writer_messages_total")
    result, seen = load(ours), written
    while (now := ours.metric("writer_messages_total")) > seen:
        seen = now
        time.sleep(0.5)
    cpu = cpu_seconds(ours.process.pid) - before
    return result | {"cpu_us": cpu * 1e6 / (seen - written)}


def beside(server, load, mode, *more, **tls):
    """A load while another one disturbs it, which runs with what the first leaves of the generator's core."""
    disturbance = subprocess.Popen(["nice", "-n", "19", *GENERATOR, LOAD, mode, "--addr", f"127.0.0.1:{server.mqtt}", "--id", "other",
                                    "--secs", "60", *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        result = load(server, **tls)
        if disturbance.poll() is not None:
            raise Refused("the disturbance ended before the load")
        return result
    finally:
        disturbance.kill()
        disturbance.wait()


def connections(server, **tls):
    """Connect, CONNACK, DISCONNECT."""
    report = mqttload(server, "connect", "--secs", SECONDS, "--warm", "0.5", **tls)
    return {"rate": report["conn_per_s"], "cpu_us": report["server_us_per_conn"], "generator": report["tool_cpu_s"] / report["secs"]}


def idle(server, **tls):
    """The memory that each of many idle connections takes."""
    report = mqttload(server, "idle", "--secs", "2", "--conns", IDLE, "--concurrency", "16", "--connect-timeout", "120", **tls)
    if report["alive"] != int(IDLE):
        raise Refused(f"only {report['alive']} of {IDLE} connections are alive")
    return {"kb": report["server_kb_per_conn"], "cpu_us": report["server_setup_us_per_conn"]}


def requests(server, path, key):
    """HTTP publications on 32 connections."""
    script = server.folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        'wrk.body = [[{"n":"voltage","u":"V","v":120.1,"t":1276020076.001,"pad":"0123456"}]]\n'
        f'wrk.headers["Authorization"] = "{key}"\nwrk.headers["Content-Type"] = "application/senml+json"\n'
        'done = function(summary, latency) io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, '
        'summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout, '
        'latency:percentile(50), latency:percentile(99))) end\n')
    before = cpu_seconds(server.process.pid)
    out = subprocess.run([*GENERATOR, "wrk", "-t1", "-c32", f"-d{SECONDS}", "-s", script, f"http://127.0.0.1:{server.http}{path}"],
                         capture_output=True, text=True, check=True).stdout
    count, micros, errors, p50, p99 = map(int, out.split("RESULT ")[1].split())
    if errors:
        raise Refused(f"{errors} of {count} requests failed")
    return {"rate": count / (micros / 1e6), "cpu_us": (cpu_seconds(server.process.pid) - before) * 1e6 / count, "p50_us": p50, "p99_us": p99}


def handshakes(server, certificates, mutual):
    """Whole handshakes and one request each, by OpenSSL's own client."""
    ours = ["-cert", certificates.client, "-key", certificates.client_key] if mutual else []
    before = cpu_seconds(server.process.pid)
    out = subprocess.run([*GENERATOR, "openssl", "s_time", "-new", "-time", SECONDS, "-connect", f"127.0.0.1:{server.http}", "-www", "/version",
                          "-CAfile", certificates.ca, *ours], capture_output=True, text=True).stdout
    found = re.search(r"(\d+) connections in (\d+) real seconds", out)
    if not found or int(found[1]) < 20:
        raise Refused(f"hardly a handshake: {out.strip()}")
    return {"rate": int(found[1]) / int(found[2]), "cpu_us": (cpu_seconds(server.process.pid) - before) * 1e6 / int(found[1])}
