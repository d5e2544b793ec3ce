#!/bin/sh
# Looks into the Debian packages of a folder: what they are called and need, where their files lie,
# and whether a program builds against the unpacked files and runs.
set -eu
tests=$(cd "$(dirname "$0")/../../tests/native/package" && pwd)
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "check_deb.sh: $1" >&2
    exit 1
}

field() { dpkg-deb -f "$1" "$2"; }

library=$(ls libfacedge1_*.deb) tools=$(ls facedge-tools_*.deb) dev=$(ls libfacedge-dev_*.deb)
case $(field "$library" Depends) in
    *libc6*libstdc++6*) ;;
    *) fail "$library depends on '$(field "$library" Depends)'; expected libc6 and libstdc++6" ;;
esac
version=$(field "$library" Version)
for package in "$dev" "$tools"; do
    case $(field "$package" Depends) in
        *"libfacedge1 (= $version)"*) ;;
        *) fail "$package does not depend on libfacedge1 (= $version)" ;;
    esac
done
for package in "$library" "$dev" "$tools"; do
    dpkg-deb -x "$package" "$work/root"
    strange=$(dpkg-deb -c "$package" | awk '$6 !~ /^\.\/(usr\/.*)?$/ || $2 != "root/root"')
    [ -z "$strange" ] || fail "$package holds files outside /usr or not of root: $strange"
    echo "$package: $(($(stat -c %s "$package") / 1024)) KiB, needs $(field "$package" Depends)"
done
for name in libfacedge1 libfacedge-dev facedge-tools; do
    [ -s "$work/root/usr/share/doc/$name/copyright" ] || fail "$name has no copyright file"
done

pc=$(find "$work/root" -name facedge.pc)
libdir=$(dirname "$(dirname "$pc")")
ls "$libdir"/facedge/libfacedge_backend_*.so >/dev/null || fail "no back end in the packages"
PKG_CONFIG_PATH=$(dirname "$pc") make -s -C "$work" -f "$tests/consumer_make/Makefile" \
    SOURCE="$tests/consumer.c"
LD_LIBRARY_PATH=$libdir "$work/consumer"
for tool in "$work"/root/usr/bin/*; do
    LD_LIBRARY_PATH=$libdir "$tool" --help >/dev/null || fail "$(basename "$tool") does not start"
done
