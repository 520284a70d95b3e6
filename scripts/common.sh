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
