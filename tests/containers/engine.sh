# A Docker engine with Compose 2 and BuildKit for the tests, out of Debian's packages. Sourced by `run`.
# Everything that is not a package lies in $FOLDER, and the machine's own package sources stay as they are.

# Compose older than this refuses the file (`name:`), or takes the migration that has ended for a failure.
LEAST_COMPOSE=2.7

has_engine() { docker info >/dev/null 2>&1; }

has_compose() {
    local found
    found=$(docker compose version --short 2>/dev/null) || return 1
    [ "$(printf '%s\n' "$LEAST_COMPOSE" "${found#v}" | sort -V | head -1)" = "$LEAST_COMPOSE" ]
}

install_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    echo "Installing ${missing[*]}."
    apt-get update -qq
    # Nothing is to be started: the engine of the tests is one that they start and end themselves.
    printf '#!/bin/sh\nexit 101\n' > "$FOLDER/no-services"
    chmod +x "$FOLDER/no-services"
    POLICYRCD="$FOLDER/no-services" DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$FOLDER/apt.log" 2>&1 \
        || { tail -5 "$FOLDER/apt.log"; return 1; }
}

# The mirror that the machine's own package sources name.
debian_mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | grep -v '^#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | sed -n '1{s/ //g;p}'
}

# Compose 2 and buildx, as plugins of the client that is there: Debian 12 has only Compose 1. Both need libc alone, so
# those of Debian 13 are unpacked beside the system, from package lists of their own.
install_plugins() {
    local lists="$FOLDER/plugins/apt" into="$DOCKER_CONFIG/cli-plugins"
    [ -x "$into/docker-compose" ] && [ -x "$into/docker-buildx" ] && return
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial" "$into"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" > "$lists/sources.list"
    local apt=(apt-get -qq -o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$FOLDER/plugins" && "${apt[@]}" download docker-compose docker-buildx)
    for package in "$FOLDER"/plugins/*.deb; do
        dpkg-deb --extract "$package" "$FOLDER/plugins/unpacked"
    done
    cp "$FOLDER"/plugins/unpacked/usr/libexec/docker/cli-plugins/docker-* "$into/"
}

# The engine, in the network namespace that this shell is in. It keeps its data in $FOLDER: images and the cache of
# builds are there again the next time.
start_engine() {
    dockerd --data-root "$FOLDER/engine" --exec-root "$FOLDER/run" --pidfile "$FOLDER/engine.pid" --host "$DOCKER_HOST" \
        --storage-driver "${CONTAINERS_STORAGE:-overlay2}" >"$FOLDER/engine.log" 2>&1 &
    ENGINE=$!
    for _ in $(seq 150); do
        has_engine && return
        kill -0 "$ENGINE" 2>/dev/null || break
        sleep 0.2
    done
    echo "The engine did not start:"
    tail -5 "$FOLDER/engine.log"
    return 1
}

stop_engine() {
    kill "$ENGINE" 2>/dev/null && wait "$ENGINE" 2>/dev/null || true
}
