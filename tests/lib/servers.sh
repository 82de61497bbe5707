# shellcheck shell=bash
# What `tests/run` and `tests/bench` share: messages, clean-up, missing packages, and a private
# PostgreSQL and Redis. Sourced; the script that sources it defines `stop_own`, which ends what it
# has started itself.

say() { printf '%s\n' "$@"; }
warn() { printf '%s\n' "tests/${0##*/}: $*" >&2; }
die() {
    warn "$@"
    exit 1
}

# The caller's own configuration of souk would change what is run.
for name in "${!SOUK_@}"; do unset "$name"; done
database_url=${DATABASE_URL:-}
redis_url=${REDIS_URL:-}
unset DATABASE_URL REDIS_URL

# With `servers_return=1` a server that ends is started again, as a service manager does it, until
# this script ends: what a test kills comes back on the same port.
servers_return=

# What all tests are built with: another set of features would be another build of everything.
readonly test_features=failpoints,kafka,rabbitmq

# ---- Clean-up --------------------------------------------------------------------------------

# In /tmp whatever TMPDIR says: a Unix socket's path is limited to 107 bytes, and the servers' user
# must be able to get in.
scratch=$(mktemp -d /tmp/souk-tests.XXXXXX)
chmod 711 "$scratch"
postgres_pid=
redis_pid=

# Ends a process, or with a leading "-" a process group: asks first, kills after 15 seconds.
end() {
    local target=$1 signal=$2 tries
    kill -s "$signal" -- "$target" 2>/dev/null || return 0
    for ((tries = 0; tries < 150; tries++)); do
        kill -0 -- "$target" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "$target" 2>/dev/null || true
}

clean_up() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    stop_own
    [[ -z $redis_pid ]] || end "$redis_pid" TERM
    # A keeper cannot hear INT, as it runs in the background; it passes the right signal on.
    [[ -z $postgres_pid ]] || end "$postgres_pid" "$([[ $servers_return ]] && echo TERM || echo INT)"
    rm -rf "$scratch"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# ---- Debian's packages -----------------------------------------------------------------------

as_root=()
may_install() {
    command -v apt-get >/dev/null || return 1
    ((EUID == 0)) && return 0
    sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$scratch/apt.log" 2>&1
}

# Installs packages. Where that is not allowed or fails, says what to install and returns 1.
install_packages() {
    local cluster=/etc/postgresql-common/createcluster.d/souk-tests.conf failed=
    if ! may_install; then
        warn "not allowed to install packages here; please run: apt-get install $*"
        return 1
    fi
    say "Installing $*"
    apt_get update || warn "apt-get update failed; going on with the package lists there are"
    # Keeps PostgreSQL's package from setting up and starting a server of the system's.
    "${as_root[@]}" mkdir -p "${cluster%/*}"
    "${as_root[@]}" tee "$cluster" >/dev/null <<<'create_main_cluster = false'
    apt_get install -y --no-install-recommends "$@" || failed=1
    "${as_root[@]}" rm -f "$cluster"
    if [[ $failed ]]; then
        tail -n 20 "$scratch/apt.log" >&2
        warn "could not install what is missing: $*"
        return 1
    fi
    hash -r
}

# ---- Servers ---------------------------------------------------------------------------------

# A free port below the range that outgoing connections use.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s' "$port"
}

# PostgreSQL refuses to run as root, and Redis has no need to.
server_user=()
choose_server_user() {
    local user
    ((EUID == 0)) || return 0
    for user in postgres nobody; do
        if id "$user" >/dev/null 2>&1; then
            server_user=(--reuid "$user" --regid "$(id -g "$user")" --init-groups)
            return 0
        fi
    done
    die "running as root, and there is neither a user 'postgres' nor 'nobody' for the servers"
}

give() {
    ((EUID != 0)) || chown "${server_user[1]}:${server_user[3]}" "$1"
}

server_home() {
    rm -rf "$1"
    mkdir -m 700 "$1"
    give "$1"
}

# `exec_server SIGNAL COMMAND...` becomes a server that gets SIGNAL when this script dies, however
# it dies. It has a session of its own, so that Ctrl-C does not end it while tests still use it.
exec_server() {
    local signal=$1
    shift
    exec setsid setpriv --pdeathsig "$signal" "${server_user[@]}" "$@" </dev/null
}

# `keep_server SIGNAL COMMAND...` is `exec_server` for a server that may have to come back.
keep_server() {
    [[ $servers_return ]] || exec_server "$@"
    local signal=$1 server=
    trap '[[ -z $server ]] || kill -s "$signal" "$server"; wait; exit' TERM INT
    while :; do
        (exec_server "$@") &
        server=$!
        wait "$server" || true
        sleep 0.5
    done
}

# The directories that may hold a PostgreSQL server, the likeliest first.
postgres_directories() {
    local server
    {
        type -aP postgres || true
        printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -rV
    } | while read -r server; do
        [[ ! -x $server ]] || dirname "$(realpath "$server")"
    done | awk '!seen[$0]++'
}

# Settings of the server beyond its defaults, which the script that sources this may add to.
postgres_options=(-c listen_addresses=127.0.0.1 -c max_connections=300)

# Tries the server programs in one directory: only a server that answers counts, as some programs
# of that name are wrappers that cannot start one. Leaves behind `database_url`, `postgres_pid`,
# `postgres_bin` and `psql`.
start_postgres() {
    local bin=$1 home=$scratch/postgres log=$scratch/postgres.log
    local port password tries version

    psql=$bin/psql
    [[ -x $psql ]] || psql=$(type -P psql) || {
        printf 'there is no psql\n' >"$log"
        return 1
    }
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    server_home "$home"
    (umask 077 && printf '%s\n' "$password" >"$home/password")
    give "$home/password"
    # The locale is C, and so the same everywhere, for SQLite's order of strings is that one too.
    (
        cd "$home"
        exec_server TERM timeout 120 "$bin/initdb" -D data -U souk --auth=scram-sha-256 \
            --pwfile=password --encoding=UTF8 --locale=C
    ) >"$log" 2>&1 || return 1

    for _ in 1 2 3; do
        port=$(free_port)
        (
            cd "$home"
            keep_server INT "$bin/postgres" -D data -p "$port" -k "$home" "${postgres_options[@]}"
        ) >>"$log" 2>&1 &
        postgres_pid=$!
        for ((tries = 0; tries < 300; tries++)); do
            kill -0 "$postgres_pid" 2>/dev/null || break
            if version=$(PGPASSWORD=$password PGCONNECT_TIMEOUT=5 "$psql" -w -h 127.0.0.1 \
                -p "$port" -U souk -d postgres -XAtc 'show server_version_num' 2>/dev/null); then
                if ((version < 140000)); then
                    printf 'its version is %s\n' "$version" >>"$log"
                    break 2
                fi
                postgres_bin=$bin
                database_url=postgres://souk:$password@127.0.0.1:$port/postgres
                say "PostgreSQL $((version / 10000)).$((version % 10000)) from $bin on port $port"
                return 0
            fi
            sleep 0.1
        done
        # Another process may have taken the port in the meantime: hence the next attempt.
        end "$postgres_pid" QUIT
        postgres_pid=
    done
    [[ -z $postgres_pid ]] || end "$postgres_pid" QUIT
    postgres_pid=
    return 1
}

start_any_postgres() {
    local bin
    choose_server_user
    while read -r bin; do
        start_postgres "$bin" </dev/null && return 0
        warn "no server from $bin: $(tail -n 1 "$scratch/postgres.log")"
    done < <(postgres_directories)
    return 1
}

# Succeeds if a Redis answers on the port.
redis_ping() {
    local answer
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'PING\r\n' >&3
        read -r -t 5 answer <&3
        [[ $answer == +PONG* ]]
    ) 2>/dev/null
}

start_redis() {
    local server=$1 home=$scratch/redis log=$scratch/redis.log port tries
    server_home "$home"
    : >"$log"
    for _ in 1 2 3; do
        port=$(free_port)
        (
            cd "$home"
            keep_server TERM "$server" --bind 127.0.0.1 --port "$port" --save "" --appendonly no \
                --pidfile "$home/pid"
        ) >>"$log" 2>&1 &
        redis_pid=$!
        for ((tries = 0; tries < 100; tries++)); do
            kill -0 "$redis_pid" 2>/dev/null || break
            # Its log as well: the port could be answered by somebody else's Redis.
            if grep -qi 'ready to accept connections' "$log" && redis_ping "$port"; then
                redis_url=redis://127.0.0.1:$port
                say "Redis from $server on port $port"
                return 0
            fi
            sleep 0.1
        done
        end "$redis_pid" TERM
        redis_pid=
    done
    return 1
}

start_any_redis() {
    local server
    choose_server_user
    while read -r server; do
        start_redis "$server" </dev/null && return 0
        warn "no server from $server: $(tail -n 1 "$scratch/redis.log")"
    done < <(type -aP redis-server)
    return 1
}

prepare_postgres() {
    type -P setsid setpriv >/dev/null || die "setsid and setpriv are missing; install util-linux"
    if [[ $database_url ]]; then
        say "PostgreSQL: the one of DATABASE_URL"
    elif ! start_any_postgres; then
        install_packages postgresql || exit 1
        start_any_postgres || die "no PostgreSQL server can be started"
    fi
}

prepare_redis() {
    if [[ $redis_url ]]; then
        say "Redis: the one of REDIS_URL"
    elif ! start_any_redis; then
        install_packages redis-server || exit 1
        start_any_redis || die "no Redis server can be started"
    fi
}

# What the feature kafka is compiled with: librdkafka is C and C++ behind a Makefile.
prepare_compilers() {
    local missing=()
    type -P cc c++ >/dev/null || missing+=(build-essential)
    type -P make >/dev/null || missing+=(make)
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}" || exit 1
}

# Leaves behind `rabbitmq_server`, the program; tests start and kill servers of their own. Debian's
# command of that name in /usr/sbin cannot be used: it changes to another user and home.
prepare_rabbitmq() {
    rabbitmq_server=/usr/lib/rabbitmq/bin/rabbitmq-server
    [[ -x $rabbitmq_server ]] || install_packages rabbitmq-server || exit 1
    [[ -x $rabbitmq_server ]] || die "the package rabbitmq-server has no $rabbitmq_server"
    type -P epmd >/dev/null || die "epmd is missing; install erlang-base"
}
