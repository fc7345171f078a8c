#!/bin/sh
# Builds telemetry, starts its service, records two runs through it and shows them:
#
#   ./run.sh [--port N] [--base DIR]
#
# Installs missing packages first. Then the service runs until Ctrl-C, and its exit status is the
# script's. What the options leave open comes from the environment (TELEMETRY_*).
set -eu
root=$(cd "$(dirname "$0")" && pwd)
bin=$root/build/release/bin

port=${TELEMETRY_API_PORT:-8765}
base=${TELEMETRY_BASE_DIR:-${AGENT_METRICS_DIR:-}}
while [ $# -gt 0 ]; do
    case $1 in
    --port=*) port=${1#*=} ;;
    --base=*) base=${1#*=} ;;
    --port | --base)
        [ $# -gt 1 ] || { echo "run.sh: $1 needs a value" >&2; exit 2; }
        [ "$1" = --port ] && port=$2 || base=$2
        shift
        ;;
    -h | --help)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit
        ;;
    *)
        echo "run.sh: $1 is not an option; see ./run.sh --help" >&2
        exit 2
        ;;
    esac
    shift
done
case $port in
'' | *[!0-9]*) echo "run.sh: --port needs a number" >&2; exit 2 ;;
esac

# The service, the two runs and what is printed below have to agree on the directory.
if [ -z "$base" ]; then
    for base in /agent-metrics /opt/telemetry /data/telemetry "$HOME/.telemetry"; do
        [ ! -d "$base" ] || break
    done
fi
case $base in /*) ;; *) base=$PWD/$base ;; esac
export TELEMETRY_BASE_DIR="$base"

"$root/tools/setup" build
(cd "$root" && make release)

# --- The service ---------------------------------------------------------------------------------

taken() { # PORT: does anybody listen there?
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && $2 ~ port "$" { found = 1 }
            END { exit !found }'
}

status=0
service=
running() { [ -n "$service" ] && kill -0 "$service" 2>/dev/null; }
# shellcheck disable=SC2317 # the traps call it
stop() { ! running || kill -TERM "$service"; }
await_end() { # A signal ends `wait` early, once the trap has run.
    while [ -n "$service" ]; do
        status=0
        wait "$service" || status=$?
        running || service=
    done
}
trap 'stop; await_end' EXIT
trap 'stop; await_end; exit $status' INT TERM HUP

# Away from the terminal: Ctrl-C comes to this script, which passes it on once.
# Its log gets its name when the port is known to be ours, and not another service's.
log=$root/build/telemetryd-$port.log
setsid "$bin/telemetryd" --port "$port" --base "$base" </dev/null >"$log.$$" 2>&1 &
service=$!

url=
tries=300
while [ -z "$url" ] && running && [ $((tries -= 1)) -gt 0 ]; do
    sleep 0.1
    url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log.$$" | head -n 1)
done
cat "$log.$$" >&2
if ! running; then
    await_end
    other=
    ! grep -q 'is locked by' "$log.$$" || other=" --base DIRECTORY"
    rm -f "$log.$$"
    if taken "$port"; then
        free=$((port + 1))
        while taken "$free"; do free=$((free + 1)); done
        other="$other --port $free"
    fi
    [ -z "$other" ] || echo "run.sh: or start another beside it: ./run.sh$other" >&2
    exit "$status"
fi
mv "$log.$$" "$log"
if [ -z "$url" ]; then
    echo "run.sh: the service is not ready after 30 s; its log is $log" >&2
    exit 1
fi

# --- Two runs ------------------------------------------------------------------------------------

export TELEMETRY_API_URL="$url"
"$bin/examples/agent"
"$bin/telemetry" run --agent demo --job-type hello -- sh -c 'echo hello from a recorded command'
echo
"$bin/telemetry" list

cat <<END

Where it is
  database   ${TELEMETRY_DB_PATH:-$base/db/telemetry.sqlite}
  NDJSON     ${TELEMETRY_NDJSON_DIR:-$base/raw}
  buffer     ${TELEMETRY_BUFFER_DIR:-$base/buffer}
  log        $log

What to type next, in another terminal
END
[ "${url##*:}" = 8765 ] || echo "  export TELEMETRY_API_URL=$url"
cat <<END
  export TELEMETRY_BASE_DIR=$base
  $bin/telemetry run -- make test
  $bin/telemetry list
  $bin/telemetry show @last

The service is at $url; Ctrl-C ends it.
END

await_end
[ "$status" = 0 ] || { echo "run.sh: the service ended with status $status:"; tail "$log"; } >&2
exit "$status"
