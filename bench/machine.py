"""Where a result comes from: the machine, the system, and the versions of all that took part."""

import os
import pathlib
import platform
import re
import subprocess

from kit import BINARY, ROOT

MANIFEST = ROOT / "bench/load/rumqttd/Cargo.toml"


def first(pattern, *command):
    """What a program says of its version, on whichever stream."""
    run = subprocess.run(command, capture_output=True, text=True)
    return re.search(pattern, run.stdout + run.stderr)[1]


def description():
    processor = re.search(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)), "processor": processor[1] if processor else platform.machine(), "memory_mb": memory >> 20,
        "kernel": f"{platform.system()} {platform.release()}", "load_average": os.getloadavg()[2],
        "versions": {
            "ferroflux": first(r"(\S+)", BINARY, "version"),
            "mosquitto": first(r"version (\S+)", "mosquitto", "-h"), "nats-server": first(r"v(\d\S+)", "nats-server", "--version"),
            "rumqttd": re.search(r'rumqttd = .*"=([\d.]+)"', MANIFEST.read_text())[1], "nginx": first(r"nginx/(\S+)", "nginx", "-v"),
            "postgresql": first(r"(\d\S+)", "psql", "--version")},
    }
