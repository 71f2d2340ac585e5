#!/usr/bin/env python3
"""Starts the real composition in each of its modes, and walks it from outside.

usage: run.py [MODE ...]; a mode is key, x509, key-tls, x509-tls or x509-all, and none means all
"""

import sys
import time

import faults
import walkthrough
from composition import Composition

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
        run(mode)
    print(f"{len(modes)} passed, 0 failed")
