#!/bin/sh
# Puts the headers that the build needs, and no library, into a folder, without root: the machine's
# own package sources are read through a private apt configuration, nothing is installed.
#
#     fetch_headers.sh [--missing] [FOLDER [PACKAGE...]]
#
# With --missing nothing is done where /usr/include has them all.
# FOLDER is .build/native-deps unless named; the headers come to lie in FOLDER/usr/include. The
# packages are libonnxruntime-dev, nlohmann-json3-dev and doctest-dev unless named. A folder that has
# them already is left alone. Debian's are taken from the release that first had all of them.
set -eu

release=trixie
root=$(cd "$(dirname "$0")/../.." && pwd)
missing=no
[ "${1:-}" != --missing ] || { missing=yes; shift; }
folder=${1:-$root/.build/native-deps}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- libonnxruntime-dev nlohmann-json3-dev doctest-dev
packages=$*

fail() {
    echo "fetch_headers.sh: $1; give the build FACEDGE_ONNXRUNTIME_INCLUDE_DIR," \
        "NLOHMANN_JSON_INCLUDE_DIR and DOCTEST_INCLUDE_DIR instead, or leave parts out with" \
        "-DFACEDGE_ONNXRUNTIME=OFF and -DFACEDGE_TESTS=OFF" >&2
    exit 1
}

header_of() {
    case $1 in
        libonnxruntime-dev) echo onnxruntime/onnxruntime_c_api.h ;;
        nlohmann-json3-dev) echo nlohmann/json.hpp ;;
        doctest-dev) echo doctest/doctest.h ;;
        *) fail "package $1 is none of libonnxruntime-dev, nlohmann-json3-dev, doctest-dev" ;;
    esac
}

complete() {
    for package in $packages; do
        header=$(header_of "$package") || exit 1
        [ -f "$1/usr/include/$header" ] || return 1
    done
}

# Package sources of this machine, cut down to those of its distribution. On Debian every suite is
# replaced by $release, without the security and update suites, which lack it or add nothing.
private_sources() {
    # shellcheck disable=SC1091
    . /etc/os-release
    own=${VERSION_CODENAME:-}
    other=
    [ "${ID:-}" != debian ] || other=$release
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$file" ] || awk -v RS= -v ORS='\n\n' -v own="$own" -v other="$other" '
            {
                kept = ""; suites = ""; in_suites = 0
                n = split($0, line, "\n")
                for (i = 1; i <= n; i++) {
                    if (line[i] ~ /^#/) continue
                    if (line[i] !~ /^[ \t]/) in_suites = tolower(line[i]) ~ /^suites:/
                    if (in_suites) suites = suites " " line[i]
                    if (!in_suites || other == "") kept = kept line[i] "\n"
                }
                if (tolower(kept) ~ /(^|\n)enabled:[ \t]*no/) next
                if (other == "") { print kept; next }
                sub(/^ *[Ss]uites:/, "", suites)
                m = split(suites, suite, /[ \t]+/)
                for (i = 1; i <= m; i++)
                    if (suite[i] == own || suite[i] ~ /^(old)*(stable|testing|unstable|sid)$/) {
                        print kept "Suites: " other
                        next
                    }
            }' "$file"
    done >"$1/distribution.sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$file" ] || awk -v own="$own" -v other="$other" '
            $1 != "deb" { next }
            other == "" { print; next }
            {
                at = 2
                if ($2 ~ /^\[/) { while ($at !~ /\]$/ && at < NF) at++; at++ }
                suite = $(at + 1)
                if (suite != own && suite !~ /^(old)*(stable|testing|unstable|sid)$/) next
                $(at + 1) = other
                print
            }' "$file"
    done >"$1/distribution.list"
    [ -s "$1/distribution.sources" ] || [ -s "$1/distribution.list" ] ||
        fail "no package source of this distribution found under /etc/apt"
}

if complete "$folder" || { [ $missing = yes ] && complete ""; }; then
    exit 0
fi
for tool in apt-get dpkg-deb; do
    command -v $tool >/dev/null || fail "no $tool on this machine"
done

mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/sources" "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs" \
    "$work/unpacked"
: >"$work/status"
private_sources "$work/sources"

apt() {
    apt-get -qq -o Dir::State="$work/state" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$work/sources" -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

# A source that cannot be reached is not fatal yet: another may have the packages.
apt update >"$work/log" 2>&1 || true
# shellcheck disable=SC2086
(cd "$work/debs" && apt download $packages) >>"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "this machine's package sources do not have all of: $packages"
}
for file in "$work"/debs/*.deb; do
    dpkg-deb -x "$file" "$work/unpacked" || fail "$(basename "$file") does not unpack"
done
complete "$work/unpacked" || fail "the packages $packages lack the headers expected of them"

mkdir "$work/usr"
mv "$work/unpacked/usr/include" "$work/usr/include"
mkdir -p "$work/usr/share"
mv "$work/unpacked/usr/share/doc" "$work/usr/share/doc"
rm -rf "$folder/usr"
mv -T "$work/usr" "$folder/usr" 2>/dev/null || complete "$folder" ||
    fail "$folder/usr cannot be written"
echo "headers of $packages are in $folder/usr/include"
