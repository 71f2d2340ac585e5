#!/bin/sh
# Lays out the root file system of the image in FOLDER/root: the binary, the libraries it is linked with, CA roots, time zones, a user.
#
# usage: rootfs.sh BINARY FOLDER
set -eu
binary=$1 root=$2/root

rm -rf "$2"
# The folder for data is copied by itself: its owner is another one, and a folder that is there keeps the one it has.
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/usr/share" "$2/data"
install -m 755 "$binary" "$root/usr/bin/ferroflux"
strip "$root/usr/bin/ferroflux"
# `name => /path (address)`, and the loader as a bare path.
ldd "$binary" | sed -n 's|^.*[[:space:]]\(/[^ ]*\) (0x.*$|\1|p' | while read -r library; do
	install -D -m 755 "$(readlink -f "$library")" "$root$library"
done
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -R /usr/share/zoneinfo "$root/usr/share/zoneinfo"
rm -rf "$root/usr/share/zoneinfo/right" "$root/usr/share/zoneinfo/posix"
echo 'ferroflux:x:10001:10001::/data:/' >"$root/etc/passwd"
echo 'ferroflux:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
