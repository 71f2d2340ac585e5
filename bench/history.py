"""Benchmarks B15 to B18: lists of a million things, provisioning, publish → stored → readable at 10 000 messages a second,
and reading a million stored points, beside the same SQL by PostgreSQL's own tools.

Everything runs on both cores. PostgreSQL has its own defaults: every commit is synced. Counts have to be right, and one
that is not ends the run with its number; ratios are of mean times. With names as arguments, such as B17, only those run.
"""

import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

from databases import Nats, Postgres
from kit import Ours, cpu_seconds, request, wait_for
from senml import publish

THINGS = int(os.environ.get("BENCH_THINGS", "1000000"))
POINTS = int(os.environ.get("BENCH_POINTS", "1000000"))
RATE = int(os.environ.get("BENCH_RATE", "10000"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
PAGE = 100
WANTED = sys.argv[1:] or ["B15", "B16", "B17", "B18"]


def line(name, mine, peer_name, theirs, verdict):
    print(f"{name:<22} {mine:>23} | {peer_name:<9} {theirs:>23} | {verdict}", flush=True)


class Client:
    """Asks on one connection, as the tools beside us do."""

    def __init__(self, server, auth):
        self.connection = http.client.HTTPConnection(server.at["front"], timeout=60)
        self.auth = auth

    def __call__(self, method, path, body=None):
        content = self.answer(method, path, body)
        return json.loads(content) if content else None

    def answer(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, {**self.auth, "Content-Type": "application/json"})
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path}: {response.status} {content.decode()}")
        return content

    def renew(self):
        """Connects anew at the next request: a connection that was idle for long may be closed by now."""
        self.connection.close()

    def mean(self, path, times):
        """The mean time of an answer in ms, after one that warms up; like pgbench, it does not look into what comes."""
        self.answer("GET", path)
        begin = time.monotonic()
        for _ in range(times):
            self.answer("GET", path)
        return (time.monotonic() - begin) * 1000 / times


def compare(name, ours_ms, peer_ms):
    line(name, f"{ours_ms:.2f} ms", "pgbench", f"{peer_ms:.2f} ms", f"time {ours_ms / peer_ms:5.2f} x")


def lists(folder, ours, postgres):
    """B15. All but the things that are listed are loaded by SQL, with ids in between, and counted as if created."""
    who = {"email": "lister@example.com", "password": "of the benchmark"}
    request("POST", f"{ours.front}/users", body=who)
    ask = Client(ours, {"Authorization": json.load(request("POST", f"{ours.front}/tokens", body=who))["token"]})
    for new in [{"name": "sought", "metadata": {"rack": "sought"}}] * 3 * PAGE, *[[{"name": "readable"}] * 1000] * 10:
        ask("POST", "/things/bulk", new)
    owner = postgres.sql("users", f"SELECT id FROM users WHERE email = '{who['email']}'")
    ids = postgres.sql("things", f"SELECT id FROM things WHERE owner = '{owner}' ORDER BY id").split()
    half = len(ids) // 2
    fill(postgres, owner, ids[PAGE - 1], ids[half], 0, THINGS // 2)
    fill(postgres, owner, ids[half + PAGE - 1], ids[-PAGE], 1, THINGS // 2)
    postgres.sql("things", f"""
        DELETE FROM owned WHERE owner = '{owner}';
        INSERT INTO owned SELECT owner, 'thing', CAST(rpad(substr(CAST(id AS TEXT), 1, 2), 32, '0') AS UUID), COUNT(*)
        FROM things WHERE owner = '{owner}' GROUP BY 1, 2, 3;
        VACUUM ANALYZE things;""")
    ask.renew()
    total = THINGS // 2 * 2 + len(ids)
    means = []
    chosen = f"SELECT id, key_sealed, default_channel, name, metadata FROM things WHERE owner = '{owner}'"
    for label, query, where, offset, times in [
            ("first page", {"offset": 0}, "", 0, 20), ("middle page", {"offset": THINGS // 2 + half}, "", THINGS // 2 + half, 20),
            ("last page", {"offset": total - PAGE}, "", total - PAGE, 20),
            ("metadata", {"metadata": '{"rack":"sought"}'}, """AND json_contains(metadata, '{"rack":"sought"}')""", 0, 20),
            ("name", {"name": "sought"}, "AND has_text(name, 'sought')", 0, 3)]:
        path = "/things?" + urllib.parse.urlencode({"limit": PAGE, **query})
        page = ask("GET", path)
        if (page["total"], len(page["things"])) != (total if not where else 3 * PAGE, PAGE):
            raise SystemExit(f"{path}: {len(page['things'])} of {page['total']} things")
        means.append(ask.mean(path, times))
        count = f"SELECT COUNT(*) FROM things WHERE owner = '{owner}' {where}"
        if not where:
            count = f"""SELECT prefix, before FROM (SELECT prefix, SUM(count) OVER (ORDER BY prefix) - count AS before, SUM(count) OVER ()
                FROM owned WHERE owner = '{owner}' AND kind = 'thing') AS ranges WHERE before <= {offset} ORDER BY prefix DESC LIMIT 1"""
            after, before = postgres.sql("things", count).split("|")
            skip, offset = offset - int(before), 0
            if skip > 0:
                ids = f"SELECT id FROM things WHERE owner = '{owner}' AND id > '{after}' ORDER BY id LIMIT 1 OFFSET {skip - 1}"
                after = postgres.sql("things", ids)
                count += f";\n{ids}"
            where = f"AND id > '{after}'"
        sql = f"{' '.join(count.split())};\n{chosen} {where} ORDER BY id LIMIT {PAGE + 1} OFFSET {offset};\n"
        compare(f"B15 {label}", means[-1], postgres.pgbench(folder, "things", sql, "-t", str(times))[0])
    line("B15 last : first page", f"{means[2]:.2f} ms", "first", f"{means[0]:.2f} ms", f"time {means[2] / means[0]:5.2f} x of {total} things")


def fill(postgres, owner, after, before, number, count):
    """Loads things whose ids are between two others."""
    low, high = (int(id[:8] + id[9:13], 16) for id in (after, before))
    step = (high - low - 1) // (count + 1)
    postgres.sql("things", f"""
        INSERT INTO things (id, owner, key_hash, key_sealed, name, metadata, created_at, updated_at)
        SELECT CAST(lpad(to_hex({low} + 1 + n * {step}), 12, '0') || '4000800000000000000{number}' AS UUID), '{owner}',
            decode(md5(n || ':{number}'), 'hex'), '\\x01', 'thing ' || n, jsonb_build_object('rack', n % 1000), now(), now()
        FROM generate_series(1::BIGINT, {count}) AS n""")


def provisioning(folder, ours, postgres):
    """B16. A thing and its connection, in one transaction each on both sides; then a thousand at a time."""
    ask = Client(ours, ours.auth)
    channel = ours.connected(ours.front, ours.auth)
    script = folder / "provision.lua"
    script.write_text(f"""
        local headers = {{ Authorization = "{ours.auth['Authorization']}", ["Content-Type"] = "application/json" }}
        local made = {{}}
        request = function()
          local thing = table.remove(made)
          if thing then return wrk.format("PUT", "/channels/{channel}" .. thing, headers, "") end
          return wrk.format("POST", "/things", headers, '{{"name":"provisioned"}}')
        end
        response = function(status, headers)
          local thing = headers["location"] or headers["Location"]
          if thing then table.insert(made, thing) end
        end""")
    seconds = str(min(SECONDS, 5))
    out = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}", "-s", script, ours.front], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(out)
    # One more connection: whatever was under way when wrk ended is written before it.
    ours.connected(ours.front, ours.auth)
    connected = ask("GET", f"/channels/{channel}/things?limit=1")["total"]
    single = connected / int(seconds)
    postgres.sql("things", "CREATE TABLE peer_things (LIKE things INCLUDING ALL); CREATE TABLE peer_connections (LIKE connections INCLUDING ALL)")
    insert = """INSERT INTO peer_things (id, owner, key_hash, key_sealed, name, metadata, created_at, updated_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), decode(md5(random()::TEXT), 'hex'), '\\x01', 'provisioned', NULL, now(), now());
        INSERT INTO peer_connections VALUES (gen_random_uuid(), gen_random_uuid());\n"""
    peer = postgres.pgbench(folder, "things", insert, "-c16", "-T", seconds)[1]
    line("B16 thing, connection", f"{single:.0f}/s", "pgbench", f"{peer:.0f}/s", f"rate {single / peer:5.2f} x")
    begin = time.monotonic()
    for _ in range(5):
        things = ask("POST", "/things/bulk", [{"name": "provisioned"} for _ in range(1000)])["things"]
        ask("POST", "/connect", {"channel_ids": [channel], "thing_ids": [thing["id"] for thing in things]})
    bulk = 5000 / (time.monotonic() - begin)
    total = ask("GET", f"/channels/{channel}/things?limit=1")["total"]
    if total != connected + 5000:
        raise SystemExit(f"{total} things are connected instead of {connected + 5000}")
    line("B16 the same in bulk", f"{bulk:.0f}/s", "single", f"{single:.0f}/s", f"rate {bulk / single:5.2f} x")


def stored(label, ours, *beside):
    """B17. Every number has to be readable, each once: their count and their sum tell."""
    ask = Client(ours, ours.auth)
    channel = ours.connected(ours.front, ours.auth)
    count = RATE * SECONDS
    cpu = lambda: sum(cpu_seconds(server.process.pid) for server in (ours, *beside))
    before = cpu()
    seconds = publish(ours.at["mqtt"], ours.thing, ours.key, f"channels/{channel}/messages", count, RATE)
    acknowledged = time.monotonic()
    path = f"/channels/{channel}/messages?"
    wait_for("all messages to be readable", lambda: ask("GET", path + "limit=1")["total"] >= count)
    behind = (time.monotonic() - acknowledged) * 1000
    micros = (cpu() - before) * 1e6 / count
    found = ask("GET", path + "limit=1")["total"]
    total = ask("GET", path + "aggregation=sum")["messages"][0]["value"]
    if (found, total) != (count, count * (count - 1) // 2):
        raise SystemExit(f"{found} messages with the sum {total} are stored instead of {count}")
    metrics = request("GET", f"http://{ours.at['writer']}/metrics").read().decode()
    age = re.search(r'writer_age_seconds\{[^}]*quantile="0.99"[^}]*\} (\S+)', metrics)
    print(f"{'B17 ' + label:<22} {count / seconds:>10.0f}/s {micros:>7.2f} us | {found} of {count} readable, each once; "
          f"the last {behind:.0f} ms after its PUBACK, p99 {float(age[1]) * 1000:.0f} ms", flush=True)
    return channel, micros


def ranges(folder, ours, postgres):
    """B18. A million points, three days of four a second, between the ends of which the writer makes partitions."""
    ask = Client(ours, ours.auth)
    channel = ours.connected(ours.front, ours.auth)
    last = int(time.time()) - 3600
    first = last - POINTS // 4
    ends = [{"n": "load", "v": 0, "t": first - 1}, {"n": "load", "v": 0, "t": last + 1}]
    request("POST", f"{ours.front}/http/channels/{channel}/messages", {"Authorization": ours.key}, ends)
    path = f"/channels/{channel}/messages?"
    wait_for("both ends to be stored", lambda: ask("GET", path)["total"] == 2)
    postgres.sql("writer", f"""
        INSERT INTO messages (channel, time, id, part, subtopic, publisher, protocol, name, value, size)
        SELECT '{channel}', {first} + n * 0.25, gen_random_uuid(), 0, '', '{ours.thing}', 'mqtt', 'load', n, 100
        FROM generate_series(0, {POINTS} - 1) AS n;
        VACUUM ANALYZE messages;""")
    ask.renew()
    if ask("GET", path)["total"] != POINTS + 2:
        raise SystemExit("not all points are readable")
    middle = (first + last) // 2
    columns = "time, id, part, subtopic, publisher, protocol, name, unit, value, string_value, bool_value, data_value, value_sum, " \
              "update_time, link, content_type, payload, reason"
    chosen = lambda begin, end: f"FROM messages WHERE channel = '{channel}' AND time >= {begin} AND time < {end}"
    hour = chosen(middle, middle + 3600)
    newest = "ORDER BY time DESC, id DESC, part DESC LIMIT"
    cursor = ask("GET", f"{path}limit=1&to={middle}")["next"]
    for label, query, sql, times in [
            ("hour, 1000 points", f"from={middle}&to={middle + 3600}&limit=1000",
             f"SELECT {columns} {hour} {newest} 1001;\nSELECT COUNT(*) {hour};\n", 50),
            ("1000 from a cursor", f"cursor={cursor}&limit=1000", f"SELECT {columns} {chosen(0, middle)} {newest} 1001;\n", 50),
            ("means by the hour", f"from={first}&to={last}&aggregation=avg&interval=1h&limit=1000&name=load",
             "SELECT floor(time / 3600) * 3600 AS since, MIN(value), MAX(value), AVG(value), SUM(value), COUNT(value), "
             f"CASE WHEN COUNT(unit) = COUNT(*) AND MIN(unit) = MAX(unit) THEN MIN(unit) END {chosen(first, last)} AND name = 'load' "
             "AND value IS NOT NULL GROUP BY since ORDER BY since DESC LIMIT 1001;\n"
             f"SELECT COUNT(DISTINCT floor(time / 3600)) {chosen(first, last)} AND name = 'load' AND value IS NOT NULL;\n", 3)]:
        mean = ask.mean(path + query, times)
        compare(f"B18 {label}", mean, postgres.pgbench(folder, "writer", sql, "-t", str(times))[0])


def main():
    started = []

    def start(kind, *arguments, **more):
        started.append(kind(*arguments, **more))
        return started[-1]

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        for part in ("alone", "beside", "separate"):
            (folder / part).mkdir()
        try:
            postgres = start(Postgres, folder)
            ours = start(Ours, folder / "beside", where=[], **postgres.variables())
            if "B15" in WANTED:
                lists(folder, ours, postgres)
            if "B16" in WANTED:
                provisioning(folder, ours, postgres)
            if "B17" in WANTED:
                channel, micros = stored("PostgreSQL", ours, postgres)
                rate, peer = postgres.copied(folder, "writer", "messages", 5000, f"SELECT * FROM messages WHERE channel = '{channel}'")
                line("B17 CPU, PostgreSQL", f"{micros:.2f} us", "COPY", f"{rate:.0f}/s {peer:>7.2f} us",
                     f"messages per CPU second {peer / micros:5.2f} x")
                nats = start(Nats, folder)
                separate = start(Ours, folder / "separate", where=[], MF_NATS_URL=nats.url, **postgres.variables("2"))
                stored("PostgreSQL, NATS", separate, postgres, nats)
                stored("SQLite, one process", start(Ours, folder / "alone", where=[]))
            if "B18" in WANTED:
                ranges(folder, ours, postgres)
        finally:
            for server in reversed(started):
                server.process.terminate()
                server.process.wait(timeout=60)


main()
