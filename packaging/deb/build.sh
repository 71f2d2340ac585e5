#!/usr/bin/env bash
# Builds the Debian package of the single-process shape from a binary, and prints where it is.
#
# usage: build.sh [BINARY [DIRECTORY]]; target/release/ferroflux and target/debian unless told otherwise. Who maintains the package is
# DEBFULLNAME and DEBEMAIL, as for Debian's own tools.
set -euo pipefail

cd "$(dirname "$0")/../.."
binary=${1:-target/release/ferroflux}
directory=${2:-target/debian}
[ -x "$binary" ] || { echo "$0: there is no $binary: \`make release\` first" >&2; exit 66; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 755 "$binary" "$root/usr/bin/ferroflux"
strip "$root/usr/bin/ferroflux"
install -D -m 644 packaging/systemd/ferroflux.service "$root/usr/lib/systemd/system/ferroflux.service"
install -D -m 644 packaging/systemd/ferroflux.sysusers "$root/usr/lib/sysusers.d/ferroflux.conf"
# It may come to hold secrets, and systemd reads it before it lets go of its rights.
install -D -m 640 packaging/systemd/ferroflux.env "$root/etc/ferroflux/ferroflux.env"
documents=$root/usr/share/doc/ferroflux
install -D -m 644 -t "$documents" packaging/deb/copyright README.md
gzip -9n <CHANGELOG.md >"$documents/changelog.gz"
chmod 644 "$documents/changelog.gz"

mkdir -p "$root/DEBIAN"
# The newest symbols of the C library that the binary asks for say how old a system may be.
libc=$(objdump -T "$root/usr/bin/ferroflux" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBC@/${libc#GLIBC_}/" \
	-e "s/@MAINTAINER@/${DEBFULLNAME:-Ferroflux maintainers} <${DEBEMAIL:-maintainers@localhost}>/" \
	-e "s/@SIZE@/$(du -sk "$root/usr" | cut -f1)/" packaging/deb/control >"$root/DEBIAN/control"
echo /etc/ferroflux/ferroflux.env >"$root/DEBIAN/conffiles"
install -m 755 -t "$root/DEBIAN" packaging/deb/{postinst,prerm,postrm}
(cd "$root" && find usr -type f -exec md5sum {} +) >"$root/DEBIAN/md5sums"

mkdir -p "$directory"
package=$directory/ferroflux_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >&2
echo "$package"
