"""A PostgreSQL server with its own defaults, which sync every commit, and NATS with JetStream."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from kit import cpu_seconds, free_port, reachable, wait_for


class Postgres:
    """A server of our own, which stops when its process is terminated."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        data = folder / "postgres"
        data.mkdir()
        # Debian keeps the server's programs out of the path, one folder per version.
        programs = pathlib.Path(shutil.which("initdb") or max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))).parent
        owner = []
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            shutil.chown(data, "postgres")
            owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        subprocess.run([*owner, programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = open(folder / "postgres.log", "w")
        self.process = subprocess.Popen([*owner, programs / "postgres", "-D", data, "-p", str(self.port), "-c", f"unix_socket_directories={data}",
                                         "-c", "listen_addresses=127.0.0.1"], stdout=log, stderr=log)
        wait_for("PostgreSQL to start", lambda: reachable(self.port) and self.asked("postgres", "SELECT 1") == "1")

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def variables(self, suffix=""):
        """Makes a database for each service, and says where they are."""
        env = {}
        for service in ("users", "things", "writer"):
            self.sql("postgres", f"CREATE DATABASE {service}{suffix}")
            env[f"MF_{service.upper()}_DB_URL"] = self.url(service + suffix)
        return env

    def asked(self, database, sql):
        """The answer to statements, or nothing where the server refuses them."""
        return subprocess.run(["psql", "-XqAt", self.url(database)], input=sql, capture_output=True, text=True).stdout.strip()

    def sql(self, database, text):
        """The answer to statements, each of which has to succeed."""
        return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(database)], input=text, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    def pgbench(self, folder, database, text, *more):
        """Statements by as many clients as told; returns the mean time of all of them together in ms, and how often a second."""
        script = folder / "pgbench.sql"
        script.write_text(text)
        out = subprocess.run(["pgbench", "-n", "-f", script, "-j1", "-M", "prepared", *more, self.url(database)], capture_output=True,
                             check=True, text=True, env={**os.environ, "PGOPTIONS": "-c plan_cache_mode=force_custom_plan"}).stdout
        return float(re.search(r"latency average = ([\d.]+) ms", out)[1]), float(re.search(r"tps = ([\d.]+)", out)[1])

    def copied(self, folder, database, table, batch, query):
        """Rows of a query into an empty table like its own by COPY, a batch at a time; returns how many a second and CPU per row."""
        rows = folder / "rows"
        self.sql(database, f"\\copy ({query}) TO '{rows}'\nCREATE TABLE copied (LIKE {table} INCLUDING ALL);")
        lines = rows.read_text().splitlines(keepends=True)
        parts = []
        for start in range(0, len(lines), batch):
            parts.append(folder / f"rows{start}")
            parts[-1].write_text("".join(lines[start:start + batch]))
        before, begin = cpu_seconds(self.process.pid), time.monotonic()
        self.sql(database, "".join(f"\\copy copied FROM '{part}'\n" for part in parts))
        seconds = time.monotonic() - begin
        cpu = cpu_seconds(self.process.pid) - before
        self.sql(database, "DROP TABLE copied")
        return len(lines) / seconds, cpu * 1e6 / len(lines)


class Nats:
    """A server with JetStream."""

    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen(["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", folder / "nats"],
                                        stderr=subprocess.DEVNULL)
        self.url = f"nats://127.0.0.1:{self.port}"
        wait_for("nats-server to start", lambda: reachable(self.port))
