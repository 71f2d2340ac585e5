"""Benchmarks B1 to B10 and B21 to B23: us beside NGINX, Mosquitto, NATS' MQTT, rumqttd and PostgreSQL.

Every server is bound to one core and the load generator to another, unless a row says otherwise. Each load gets a server
that was started for it. A round measures all contestants of a row one after the other; a factor is the median over
the rounds of how many times our figure the other one's is. CPU per message is the steadier figure on a shared machine: it
leaves the load generator out. With names as arguments, such as B2, only those rows are measured, and nothing is written.
"""

import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import machine
import report
from kit import ROOT, Certificates
from loads import Refused
from rows import rows

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def attempt(folder, contestant):
    """One load on a fresh server: what it measured, or why not."""
    folder.mkdir()
    server = contestant.start(folder)
    try:
        return contestant.load(server)
    except Refused as refusal:
        return {"refused": str(refusal)[:200]}
    finally:
        stop(server.process)


def stop(process):
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        # Some take long over a backlog that nobody needs any more.
        process.kill()
        process.wait()


def measure(folder, row):
    """All rounds of a row. Whoever refuses a load is not asked again."""
    taken = [[] for _ in row.contestants]
    for number in range(row.rounds or ROUNDS):
        for place, contestant in enumerate(row.contestants):
            if not any("refused" in sample for sample in taken[place]):
                taken[place].append(attempt(folder / f"{number}-{place}", contestant))
    return {"name": row.name, "figure": row.figure,
            "contestants": [summary(contestant, samples, taken[0], row.figure) for contestant, samples in zip(row.contestants, taken)]}


def summary(contestant, samples, ours, figure):
    """Medians, and the factor over ours with what was wanted of it."""
    result = {"label": contestant.label, "rounds": samples, "wanted": contestant.wanted}
    refused = [sample["refused"] for sample in samples if "refused" in sample]
    if refused:
        result["refused"] = refused[0]
    else:
        result["median"] = {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
        if samples is not ours and not any("refused" in sample for sample in ours):
            result["factor"] = statistics.median(theirs[figure] / max(mine[figure], 1e-3) for mine, theirs in zip(ours, samples))
    if contestant.wanted and samples is ours:
        result["met"] = not refused and result["median"][figure] <= contestant.wanted
    elif contestant.wanted and not refused:
        result["met"] = result.get("factor", 0) >= contestant.wanted
    return result


def main():
    wanted = sys.argv[1:]
    begin = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        for number, row in enumerate(rows(Certificates(folder))):
            if not wanted or row.name.split()[0] in wanted:
                own = folder / str(number)
                own.mkdir()
                results.append(measure(own, row))
                report.show(results[-1])
    print(f"{len(results)} rows in {time.monotonic() - begin:.0f} s; {report.verdict(results)}")
    if not wanted:
        today = datetime.date.today().isoformat()
        result = {"date": today, "machine": machine.description(), "rounds": ROUNDS, "rows": results}
        file = ROOT / f"bench/results/{today}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(result, indent=1) + "\n")
        report.write(file)


main()
