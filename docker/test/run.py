#!/usr/bin/env python3
"""Starts the real composition in each of its modes, and walks it from outside.

usage: run.py [MODE ...]; a mode is key, x509, key-tls, x509-tls or x509-all, and none means all
"""

import os
import sys
import time

import faults
import walkthrough
from composition import Composition, output, until

ADDONS = ["docker/addons/history", "docker/addons/ha"]
FILES = {
    "": [],
    "tls": ["docker/tls.yml"],
    "all": ["docker/tls.yml", *(f"{addon}/{name}.yml" for addon in ADDONS for name in ("docker-compose", "tls"))],
}
MODES = ["key", "x509", "key-tls", "x509-tls", "x509-all"]


def step(name, work, *arguments):
    start = time.monotonic()
    work(*arguments)
    print(f"  {name}: {time.monotonic() - start:.0f} s", flush=True)


def alone():
    """The image with nothing else is the whole platform in one process, with its data in a volume."""
    container = output("docker", "run", "-d", "-v", "/data", os.environ.get("MF_IMAGE", "ferroflux/ferroflux:dev"))
    try:
        state = lambda: output("docker", "inspect", "--format", "{{.State.Health.Status}}", container)
        until("the image alone to be healthy", lambda: state() == "healthy")
    finally:
        output("docker", "rm", "--force", "--volumes", container)


def run(mode):
    auth, _, more = mode.partition("-")
    files = ["docker/docker-compose.yml", *FILES[more]]
    print(mode, flush=True)
    with Composition(files, AUTH=auth) as composition:
        # With certificates of one's own before the first start, and without.
        if more:
            composition.make("all")
        step("up", composition.up)
        if auth == "key":
            step("the walkthrough", walkthrough.key_mode, composition)
        else:
            step("registered certificates", walkthrough.certificates, composition)
        if "reader" in composition.services:
            step("stored messages", walkthrough.history, composition)
        step("kills and restarts", faults.survive, composition)
        if auth == "x509":
            composition.set(MF_X509_IDENTITY="cn_thing_key")
            step("up again", composition.up)
            step("rows 60 to 70", walkthrough.rows, composition)


if __name__ == "__main__":
    modes = sys.argv[1:] or MODES
    for mode in modes:
        if mode not in MODES:
            sys.exit(__doc__)
    step("the image alone", alone)
    for mode in modes:
        run(mode)
    print(f"{len(modes)} passed, 0 failed")
