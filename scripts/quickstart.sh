#!/usr/bin/env bash
# From nothing to a delivered webhook: installs what is missing, builds rhooks, starts a
# server and a receiver on free ports, registers a webhook and shows its delivery.
# Whatever happens, no process and no file of the tour is left behind.
set -euo pipefail
. "$(dirname "$0")/common.sh"

case ${1:-} in
  '') ;;
  -h | --help)
    cat <<USAGE
Usage: scripts/quickstart.sh

Installs the Debian packages that are missing, builds build/release/bin/rhooks and shows one
webhook being scheduled, delivered, logged and marked DONE, on free ports of 127.0.0.1 and
in a temporary directory. Takes a few minutes the first time, seconds after that.
USAGE
    exit 0
    ;;
  *) echo "Usage: scripts/quickstart.sh (it takes no arguments)" >&2 && exit 2 ;;
esac

cd "$root"
rhooks=$root/build/release/bin/rhooks
dir=
server_pid=
listen_pid=

cleanup() {
  local code=$?
  trap - EXIT INT TERM HUP
  # Only what was started here.
  stop "$server_pid"
  stop "$listen_pid"
  if ((code != 0)) && [[ $dir ]]; then
    for log in server listen; do
      [[ -s $dir/$log.log ]] || continue
      printf '\n--- the end of the %s output ---\n' "$log" >&2
      tail -n 40 "$dir/$log.log" >&2
    done
  fi
  [[ ! $dir ]] || rm -rf "$dir"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step "1/5  Packages"
scripts/install-deps.sh --no-emulator

step "2/5  Building rhooks (a few minutes the first time)"
configure release
cmake --build --preset release --target rhooks

dir=$(mktemp -d "${TMPDIR:-/tmp}/rhooks-quickstart.XXXXXX")
unset "${!RHOOKS_@}" # settings of your own stay out of the tour

step "3/5  Starting a server and a receiver"
"$rhooks" serve --store "rocksdb:$dir/data" --listen 127.0.0.1:0 --port-file "$dir/server.port" \
  >"$dir/server.log" 2>&1 </dev/null &
server_pid=$!
"$rhooks" listen --port 0 --port-file "$dir/listen.port" >"$dir/listen.log" 2>&1 </dev/null &
listen_pid=$!
server_port=$(wait_port "$dir/server.port" "$server_pid" server)
listen_port=$(wait_port "$dir/listen.port" "$listen_pid" receiver)
export RHOOKS_SERVER=http://127.0.0.1:$server_port
echo "server    $RHOOKS_SERVER, tasks in RocksDB"
echo "receiver  http://127.0.0.1:$listen_port"

step "4/5  Registering a webhook that is due in two seconds"
run() { # shows a command and runs it
  local word
  printf '$ rhooks'
  for word in "$@"; do
    # Quoted as a person would.
    if [[ $word == *[!a-zA-Z0-9:/.+_-]* ]]; then printf " '%s'" "$word"; else printf ' %s' "$word"; fi
  done
  printf '\n'
  "$rhooks" "$@"
}
run register --namespace quickstart --id hello --url "http://127.0.0.1:$listen_port/hook" \
  --method POST --at +2s --body '{"hello":"world"}'

status_is() {
  grep -q "\"status\": *\"$1\"" "$dir/task.json"
}
printf '\nwaiting for it '
for ((i = 0; ; i++)); do
  "$rhooks" get --namespace quickstart --id hello --json >"$dir/task.json"
  ! status_is DONE || break
  if status_is FAILED || ((i >= 120)); then
    echo
    cat "$dir/task.json"
    die "the webhook was not delivered within 30 seconds; the task is above"
  fi
  kill -0 "$server_pid" 2>/dev/null || die "the server ended; its output is below"
  ((i % 4)) || printf '.'
  sleep 0.25
done
printf ' delivered.\n'

step "5/5  What happened"
echo "The receiver printed:"
echo
sed 's/^/    /' "$dir/listen.log"
echo
echo "The task:"
echo
run get --namespace quickstart --id hello
echo
echo "Its log:"
echo
run logs --namespace quickstart --task hello

cat <<NEXT

${bold}That was a webhook, delivered.${plain} Try next, in terminals of your own:

    export PATH=\$PATH:$root/build/release/bin
    rhooks serve --store rocksdb:./rhooks-data --listen 127.0.0.1:8090
    rhooks listen --port 9000
    rhooks register --namespace my-app --url http://127.0.0.1:9000/hook \\
      --method POST --at +2s --body '{"key":"value"}'
    rhooks fetch --namespace my-app
    rhooks --help

README.md has the C++ and REST examples; scripts/test.sh runs all tests.
NEXT
