# What building and testing need; sourced by serve and test, which have set -euo pipefail.
# shellcheck shell=bash

# Debian's packages: what the program links, and what the tests run.
build_packages=(
    libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libcap-dev liblmdb-dev libssl-dev pkg-config
)
test_packages=(openssl python3 python3-websockets python3-cryptography)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# Installs those of the given packages that are missing.
install_packages() {
    local missing=() package
    for package in "$@"; do
        [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    if ! command -v apt-get >/dev/null; then
        say "this is no Debian; these packages, or what they are called here, may be missing: ${missing[*]}"
        return 0
    fi
    say "installing ${missing[*]}"
    local root=()
    ((EUID == 0)) || root=(sudo)
    # Standard output stays with what is run afterwards.
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Ends unless there is a Swift that can build this.
require_swift() {
    local version
    version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -n 1) || true
    local major=${version% *} minor=${version#* }
    if [[ -z "$version" ]]; then
        say "Swift 6.2 or later is needed and not on the PATH."
    elif ((major < 6 || (major == 6 && minor < 2))); then
        say "Swift 6.2 or later is needed; this is $major.$minor."
    else
        return 0
    fi
    say "Get it from https://www.swift.org/install/linux/ : swiftly installs it into your home directory."
    exit 69
}
