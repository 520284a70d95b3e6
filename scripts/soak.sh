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
  "stopped worker rocksdb|crash_test|StoppedWorkerSoakTest.TheOnlyOne"
  "stopped worker dynamodb|crash_test|StoppedWorkerSoakTest.OneOfTwo*"
  "clock steps rocksdb|crash_test|*ClockStepsSoak*/rocksdb"
  "clock steps dynamodb|crash_test|*ClockStepsSoak*/dynamodb"
  "bad clients|bad_clients_test|BadClientsTest.Soak*"
  "hostile clients|hostile_test|HostileTest.Soak*"
  "trigger|trigger_test|TriggerSoak*"
  "late bytes|crash_test|LateBytesSoakTest.WhatIsDone*"
  "late bytes that cross|crash_test|LateBytesSoakTest.WhatCrosses*"
  "redrive|crash_test|RedriveSoakTest.*"
  "limits rocksdb|crash_test|LimitsSoakTest.OnRocksDb"
  "order dynamodb|crash_test|LimitsSoakTest.OrderOfTwo*"
)

usage() {
  cat <<USAGE
Usage: scripts/soak.sh [--minutes N] [--preset NAME] [--suite NAME]... [--list] [--no-install]

Runs the simulator, the crash and power-loss suites, the bad and the hostile clients, the receivers
that write late, redrives, limits and the fuzzers for N minutes in all, builds not counted, and prints one line a
suite: how many runs, crashes that were survived, repeats, lost and stuck tasks. Each round has a
new seed, which is printed where the round fails, ends its program or hangs;
RHOOKS_SOAK_SEED=SEED runs it again. SIGINT and SIGTERM end all of it.

  --minutes N    how long, in all (default 10); a round that has begun is ended
  --preset NAME  how to build: dev (default, with AddressSanitizer), release
  --suite NAME   only this one; may be given several times
  --list         only print the names
  --no-install   install nothing
  --help         this text

Example: scripts/soak.sh --minutes 60
Exit code 1: a suite failed, did nothing, or lost or held up a task. What each printed is in
build/soak/.
USAGE
}

# known NAME: whether there is such a suite.
known() {
  local suite
  for suite in "${computed[@]}" "${lived[@]}"; do
    [[ ${suite%%|*} != "$1" ]] || return 0
  done
  return 1
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
          known "$2" ||
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
# Of what is built now: the checkout may be another one by the end.
revision=$(git describe --always --dirty 2>/dev/null || echo unknown)

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
  scripts/fuzz.sh --build-only || exit 1
fi
dynamodb_emulator ${install:+--install}

sanitizer_options
logs=build/soak
rm -rf "$logs"
mkdir -p "$logs"

# How long a round that has begun may go on, in seconds; then it hangs.
grace=${RHOOKS_SOAK_GRACE:-900}

# end_group PID: what is left of the process group of `timeout`, once it was asked to end.
end_group() {
  local i
  for ((i = 0; i < 100; i++)); do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}

# end_lane: ends the suite of this lane that runs, and the lane.
end_lane() {
  trap '' INT TERM HUP
  ending=1
  # Between the start of a suite and the note of its process: watched() comes back here.
  [[ $running || ! $starting ]] || return 0
  if [[ $running ]]; then
    kill -TERM "$running" 2>/dev/null || true
    end_group "$running"
  fi
  exit 143
}

# watched SECONDS COMMAND...: runs it in a process group of its own, which is ended after so many
# seconds; returns its exit code.
watched() {
  local code=0
  starting=1
  timeout -k 30 "$@" </dev/null &
  running=$!
  starting=
  [[ ! $ending ]] || end_lane
  wait "$running" || code=$?
  # Servers, for example, of a test that was aborted.
  if kill -TERM -- "-$running" 2>/dev/null; then end_group "$running"; fi
  running=
  return "$code"
}

# run SUITE SECONDS: its lines are in $logs/NAME.line, and $logs/NAME.failed is there where it
# went wrong.
run() {
  local title program filter seconds=$2 log limit began code=0 took seed command wrong=''
  IFS='|' read -r title program filter <<<"$1"
  log=$logs/${title// /-}
  export RHOOKS_SOAK_REPORT=$log.line RHOOKS_SOAK_SECONDS=$seconds
  echo "$(date -u +%H:%M:%S) $title: $seconds s"
  if [[ $program == scripts/* ]]; then
    # One at once: the other core is the other lane's.
    command=(env JOBS=1 "$program" --no-build --seconds "$(((seconds + fuzzers - 1) / fuzzers))")
  else
    command=("${still[@]}" "build/$preset/bin/$program" --gtest_filter="$filter")
  fi
  limit=$((seconds + grace))
  began=$SECONDS
  watched "$limit" "${command[@]}" >"$log.log" 2>&1 || code=$?
  took=$((SECONDS - began))

  if [[ ! -s $log.line ]]; then
    wrong=", no result"
  elif grep -qE ': 0 runs|FAILED' "$log.line" ||
    grep -qvE 'lost = 0, stuck = 0(,|$)' "$log.line"; then
    touch "$log.failed"
  fi
  if ((took >= limit && (code == 124 || code == 137))); then
    wrong+=", it hung and was ended after $took s"
  elif ((code)) && ! grep -qsE 'FAILED with seed|findings = [1-9]' "$log.line"; then
    wrong+=", exit code $code"
  fi
  if [[ $wrong ]]; then
    seed=$(cat "$log.line.seed" 2>/dev/null || true)
    echo "$title: ${wrong#, }${seed:+; again: RHOOKS_SOAK_SEED=$seed}" >>"$log.line"
  fi
  if [[ $wrong ]] || ((code)); then touch "$log.failed"; fi
  echo "$(date -u +%H:%M:%S) $(cat "$log.line")"
}

# lane SUITE...: one after the other.
lane() {
  local suite
  running='' starting='' ending=''
  trap end_lane INT TERM HUP
  (($#)) || return 0
  for suite; do run "$suite" $((minutes * 60 / $#)); done
}

# end_all CODE: both lanes and all that they started, and this script.
# shellcheck disable=SC2317
end_all() {
  local pids
  trap '' INT TERM HUP
  mapfile -t pids < <(jobs -p)
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" || true
  echo "$name: ended by a signal; what the suites printed until then is in $logs/" >&2
  exit "$1"
}

fuzzers=$(scripts/fuzz.sh --list | wc -l)
started=$SECONDS
step "${#suites[@]} suites, $minutes minutes, revision $revision"
trap 'end_all 129' HUP
trap 'end_all 130' INT
trap 'end_all 143' TERM
code=0
lane "${computed[@]}" &
lanes=("$!")
lane "${lived[@]}" &
lanes+=("$!")
for pid in "${lanes[@]}"; do
  # One that could not go on: its suites have no result.
  wait "$pid" || { echo "$name: a lane ended with exit code $?" >&2 && code=1; }
done
trap - INT TERM HUP

step "Summary of $(((SECONDS - started) / 60)) minutes, revision $revision"
for suite in "${suites[@]}"; do
  log=$logs/${suite%%|*}
  log=${log// /-}
  cat "$log.line" 2>/dev/null || { echo "${suite%%|*}: no result" && touch "$log.failed"; }
  [[ ! -e $log.failed ]] || { code=1 && echo "    FAILED; what it printed: $log.log"; }
done
exit "$code"
