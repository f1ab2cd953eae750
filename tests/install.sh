#!/bin/sh
# Installs the Debian packages, and the programs of Python and Node, that the tests need. Without root or sudo it says what is missing and leaves the
# rest to the tests: each names what it needs.
set -eu

# A command and the package that brings it.
needs="
cc build-essential
c++ g++
sipp sip-tester
baresip baresip
tshark tshark
sox sox
espeak-ng espeak-ng
ffmpeg ffmpeg
python3 python3
initdb postgresql
kamailio kamailio
dnsmasq dnsmasq-base
tls.so kamailio-tls-modules
linphonec linphone-cli
openssl openssl
node nodejs
npm npm
"

# Debian keeps PostgreSQL's server programs out of PATH, and a user's PATH does not lead to those of root. Kamailio's modules are files.
has() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1 ||
        ls /usr/lib/*/kamailio/modules/"$1" >/dev/null 2>&1
}

missing() {
    echo "$needs" | while read -r program package; do
        if [ -n "$program" ] && ! has "$program"; then printf '%s ' "$package"; fi
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

# Schemathesis holds the API against its description. It is in no Debian release; without it that one story says so.
schemathesis="$(dirname "$0")/../target/schemathesis"
if [ ! -x "$schemathesis/bin/schemathesis" ]; then
    {
        python3 -m venv "$schemathesis" &&
            timeout 300 "$schemathesis/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4,<5'
    } >/dev/null 2>&1 || echo "== schemathesis: not installed; the API is not held against its description"
fi

# The telephone of web pages, for Node. It is in no Debian release either.
jssip="$(dirname "$0")/../target/jssip"
if [ ! -d "$jssip/node_modules/jssip" ]; then
    mkdir -p "$jssip"
    timeout 300 npm install --silent --no-audit --no-fund --prefix "$jssip" 'jssip@3' 'ws@8' >/dev/null 2>&1 ||
        echo "== jssip: not installed; the stories of web_socket.rs fail"
fi

packages=$(missing)
if [ -z "$packages" ]; then
    echo "== packages: all there"
    exit 0
fi
if may_install; then
    echo "== packages: installing $packages"
    # Package names hold no spaces, so that splitting them is meant. A failure is told below, by what is missing.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update || true
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages || true
    # As a service it would take the SIP port that a center is to have; the tests start their own.
    case " $packages " in
    *" kamailio "*)
        if command -v systemctl >/dev/null 2>&1; then
            as_root systemctl disable --now kamailio >/dev/null 2>&1 || true
        fi
        ;;
    esac
    packages=$(missing)
fi
if [ -n "$packages" ]; then
    echo "== packages: MISSING $packages"
    echo "   Install them with: sudo apt-get install $packages"
    echo "   Tests that need them will fail and say so; all others run."
fi
