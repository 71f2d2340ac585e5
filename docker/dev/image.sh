#!/usr/bin/env bash
# Makes the image out of a binary that was built on this machine.
#
# usage: image.sh BINARY [TAG]
set -euo pipefail
cd "$(dirname "$0")/../.."

docker/rootfs.sh "$1" target/image
DOCKER_BUILDKIT=0 docker build -q -t "${2:-ferroflux/ferroflux:dev}" -f docker/Dockerfile.dev target/image 2>/dev/null
