# shellcheck shell=bash disable=SC2034
# Sourced by the tests here: reads documents, starts and ends the binary.
source_dir=$RHOOKS_SOURCE_DIR
build_dir=$RHOOKS_BUILD_DIR
. "$source_dir/scripts/common.sh"
unset "${!RHOOKS_@}" # settings of whoever runs the tests

rhooks=$build_dir/bin/rhooks
[[ -x $rhooks ]] || die "$rhooks is not there; build it first"

work=$(mktemp -d "${TMPDIR:-/tmp}/rhooks-readme.XXXXXX")
pids=()
cleanup() {
  local code=$? pid
  trap - EXIT INT TERM HUP
  for pid in "${pids[@]}"; do stop "$pid"; done
  if ((code != 0)); then tail -c 3000 "$work"/*.log >&2 || true; fi
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# block MARK [FILE]: the code block of README.md, or of FILE, after <!-- tested: MARK -->.
block() {
  local text file=${2:-README.md}
  text=$(awk -v mark="<!-- tested: $1 -->" '
    $0 == mark { marked = 1; next }
    marked && /^```/ { if (inside) exit; inside = 1; next }
    inside { print }' "$source_dir/$file")
  [[ $text ]] || die "$file has no block marked '$1'"
  printf '%s\n' "$text"
}

start_receiver() {
  "$rhooks" listen --port 0 --port-file "$work/receiver.port" >"$work/receiver.log" 2>&1 </dev/null &
  pids+=($!)
  receiver_port=$(wait_port "$work/receiver.port" "${pids[-1]}" receiver)
}
