# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: messages, and where the checkout is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=$(basename "$0" .sh)

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

step() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }

die() {
  printf '%s: %s\n' "$name" "$*" >&2
  exit 1
}

# configure PRESET: cmake says much when all is well; it is shown where it is not.
configure() {
  local log
  log=$(cmake --preset "$1" 2>&1) || {
    printf '%s\n' "$log" >&2
    die "cmake could not configure the $1 preset; its messages are above"
  }
}

# stop PID: asks a process that was started here to end, and insists after ten seconds.
stop() {
  local pid=$1 i
  [[ $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# wait_port FILE PID NAME: the port that a process wrote to FILE; it must live meanwhile.
wait_port() {
  local file=$1 pid=$2 what=$3 i
  for ((i = 0; i < 150; i++)); do
    if [[ -s $file ]]; then
      cat "$file"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || die "the $what ended instead of starting; its output is below"
    sleep 0.1
  done
  die "the $what did not start within 15 seconds; its output is below"
}
