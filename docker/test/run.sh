#!/usr/bin/env bash
# The test of the real composition: makes what it needs, starts it in every mode, and walks it from outside.
#
# usage: run.sh [MODE...], see run.py; BINARY is what goes into the image, target/debug/ferroflux unless told otherwise
set -euo pipefail
cd "$(dirname "$0")/../.."

docker/dev/base-images.sh
docker/dev/image.sh "${BINARY:-target/debug/ferroflux}"
exec target/venv/bin/python docker/test/run.py "$@"
