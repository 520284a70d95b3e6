#!/usr/bin/env bash
# Runs every suite that looks for lost, stuck and doubled tasks for as long as asked, with new
# seeds, and prints a line for each.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Suites by lane: NAME|PROGRAM|FILTER. The two lanes run side by side, the suites of one after
# each other. The first takes a core and little else; the second has processes, disks, sockets.
computed=(
  "simulator on memory|simulator_test|*SimulationSoak*/memory"
  "simulator on dynamodb|simulator_test|*SimulationSoak*/dynamodb"
  "simulator on rocksdb|simulator_test|*SimulationSoak*/rocksdb"
  "power loss rocksdb|store_test|PowerLossSoak*"
  "fuzzers|scripts/fuzz.sh|"
)
lived=(
  "crash rocksdb|crash_test|*CrashSoak*/rocksdb"
  "crash dynamodb|crash_test|*CrashSoak*/dynamodb"
  "stopped worker rocksdb|crash_test|StoppedWorkerSoak.TheOnlyOne"
  "stopped worker dynamodb|crash_test|StoppedWorkerSoak.OneOfTwo*"
  "clock steps rocksdb|crash_test|*ClockStepsSoak*/rocksdb"
  "clock steps dynamodb|crash_test|*ClockStepsSoak*/dynamodb"
  "bad clients|bad_clients_test|BadClients.Soak*"
)

usage() {
  cat <<USAGE
Usage: scripts/soak.sh [--minutes N] [--preset NAME] [--suite NAME]... [--list] [--no-install]

Runs the simulator, the crash and power-loss suites, the bad clients and the fuzzers for N
minutes in all, builds not counted, and prints one line a suite: how many runs, crashes that were
survived, repeats, lost and stuck tasks. Each round has a new seed, which is printed where the
round fails; RHOOKS_SOAK_SEED=SEED runs it again.

  --minutes N    how long, in all (default 10); a round that has begun is ended
  --preset NAME  how to build: dev (default, with AddressSanitizer), release
  --suite NAME   only this one; may be given several times
  --list         only print the names
  --no-install   install nothing
  --help         this text

Example: scripts/soak.sh --minutes 60
Exit code 1: a suite failed, or lost or held up a task. What each printed is in build/soak/.
USAGE
}

minutes=10
preset=dev
install=1
chosen=()
while (($#)); do
  case $1 in
    --minutes | --preset | --suite)
      (($# >= 2)) || { echo "$name: $1 needs a value" >&2 && exit 2; }
      case $1 in
        --minutes)
          [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] ||
            { echo "$name: --minutes needs a whole number from 1 to 99999" >&2 && exit 2; }
          minutes=$2
          ;;
        --preset) preset=$2 ;;
        --suite)
          printf '%s\n' "${computed[@]}" "${lived[@]}" | grep -q "^$2|" ||
            { echo "$name: there is no suite '$2'; --list prints them" >&2 && exit 2; }
          chosen+=("$2")
          ;;
      esac
      shift
      ;;
    --list) printf '%s\n' "${computed[@]%%|*}" "${lived[@]%%|*}" && exit 0 ;;
    --no-install) install= ;;
    -h | --help) usage && exit 0 ;;
    *) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
  esac
  shift
done

cd "$root"

# only LANE: keeps what was asked for.
only() {
  local -n lane=$1
  local kept=() suite one
  ((${#chosen[@]})) || return 0
  for suite in "${lane[@]}"; do
    for one in "${chosen[@]}"; do
      [[ ${suite%%|*} != "$one" ]] || kept+=("$suite")
    done
  done
  lane=("${kept[@]}")
}
only computed
only lived

suites=("${computed[@]}" "${lived[@]}")
programs=()
fuzz=
for suite in "${suites[@]}"; do
  IFS='|' read -r _ program _ <<<"$suite"
  if [[ $program == scripts/* ]]; then fuzz=1; else programs+=("$program"); fi
done

if [[ $install ]]; then
  step "Packages"
  scripts/install-deps.sh ${fuzz:+--fuzz}
fi
if ((${#programs[@]})); then
  step "Building with the $preset preset"
  configure "$preset"
  mapfile -t targets < <(printf '%s\n' "${programs[@]}" | sort -u)
  cmake --build --preset "$preset" -j "${JOBS:-2}" --target "${targets[@]}" ||
    die "the $preset build failed"
fi
if [[ $fuzz ]]; then
  # So that the minutes are all for running.
  scripts/fuzz.sh --seconds 1 >/dev/null || true
fi
dynamodb_emulator ${install:+--install}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
logs=build/soak
rm -rf "$logs"
mkdir -p "$logs"

# run SUITE SECONDS: its line is in $logs/NAME.line, and `failed` there where it went wrong.
run() {
  local title program filter seconds=$2 log line
  IFS='|' read -r title program filter <<<"$1"
  log=$logs/${title// /-}
  export RHOOKS_SOAK_REPORT=$log.line RHOOKS_SOAK_SECONDS=$seconds
  echo "$(date -u +%H:%M:%S) $title: $seconds s"
  if [[ $program == scripts/* ]]; then
    "$program" --seconds "$(((seconds + fuzzers - 1) / fuzzers))" >"$log.log" 2>&1 || touch "$log.failed"
  else
    "build/$preset/bin/$program" --gtest_filter="$filter" >"$log.log" 2>&1 </dev/null ||
      touch "$log.failed"
  fi
  line=$(cat "$log.line" 2>/dev/null || true)
  if [[ ! $line ]]; then
    echo "$title: no result; see $log.log" >"$log.line"
    touch "$log.failed"
  elif [[ $line != *"lost = 0, stuck = 0"* ]]; then
    touch "$log.failed"
  fi
  echo "$(date -u +%H:%M:%S) $(cat "$log.line")"
}

# lane SUITE...: one after the other.
lane() {
  local suite
  (($#)) || return 0
  for suite; do run "$suite" $((minutes * 60 / $#)); done
}

fuzzers=$(scripts/fuzz.sh --list | wc -l)
started=$SECONDS
step "${#suites[@]} suites, $minutes minutes"
lane "${computed[@]}" &
first=$!
lane "${lived[@]}"
wait "$first"

step "Summary of $(((SECONDS - started) / 60)) minutes, revision $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
code=0
for suite in "${suites[@]}"; do
  log=$logs/${suite%%|*}
  log=${log// /-}
  cat "$log.line"
  [[ ! -e $log.failed ]] || { code=1 && echo "    FAILED; what it printed: $log.log"; }
done
exit "$code"
