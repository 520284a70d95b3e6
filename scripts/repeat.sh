#!/usr/bin/env bash
# Runs test binaries again and again, several copies at once, to find the tests that fail now and
# then: on a machine that has too much to do every wait, port and clock is another one.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Those with threads, processes or sockets, those that take long first. The others compute, and are
# the same each time.
concurrent=(crash_test dynamo_workers_test store_test acceptance_test cli_e2e_test bad_clients_test
  hostile_test dynamo_budget_test dynamo_faults_test full_disk_test simulated_dynamo_test
  dynamo_troubles_test cli_test delivery_test aws_test net_test rest_test engine_test
  dynamo_proxy_test observe_test base_test hooks_test)
rounds=10
copies=3
lanes=1
# So many rounds are made by one process, so that an emulator that it starts is warm for most of
# them. A process that crashes takes the rounds that it had left with it, and counts as failed.
of_process=10
preset=dev
# Without those in which one thread calls, and those that scripts/soak.sh repeats.
cases="*-$one_thread_cases:*/StoreContractTest.*:*/FlowContractTest.*:RocksStoreTest.*"
cases+=":DynamoStoreTest.*:LostAnswersTest.*:LostAnswersOfDocumentsTest.*:DamagedLogTest.*"
cases+=":TablesTest.*:Sides/*/Local:*Soak*"

usage() {
  cat <<USAGE
Usage: scripts/repeat.sh [NAME...] [--rounds N] [--copies N] [--lanes N] [--cases PATTERN]
                         [--preset NAME]

Builds the test binaries named (default: all with threads, processes or sockets) and runs each N
rounds, several copies of it at once, each process $of_process rounds. Prints a line a binary; what a process
that failed printed is in build/repeat/. Exit code 1: one failed. All tests, one copy at a time: scripts/test.sh --rounds N.

  --rounds N       how often (default $rounds)
  --copies N       how many copies of a binary at once (default $copies)
  --lanes N        how many binaries at once (default $lanes)
  --cases PATTERN  only these of their cases, as --gtest_filter takes it (default: all but those in
                   which one thread calls, and those that scripts/soak.sh repeats)
  --preset NAME    such as tsan (default $preset)
  --help           this text

Example: scripts/repeat.sh store_test --cases '*StoreRacesTest.Workers*' --rounds 50
USAGE
}

names=()
while (($#)); do
  case $1 in
    --rounds | --copies | --lanes)
      [[ ${2:-} =~ ^[1-9][0-9]{0,4}$ ]] ||
        { echo "$name: $1 needs a whole number of at least 1" >&2 && exit 2; }
      case $1 in
        --rounds) rounds=$2 ;;
        --copies) copies=$2 ;;
        --lanes) lanes=$2 ;;
      esac
      shift
      ;;
    --cases | --preset)
      (($# >= 2)) || { echo "$name: $1 needs a value" >&2 && exit 2; }
      if [[ $1 == --cases ]]; then cases=$2; else preset=$2; fi
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    -*) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
((${#names[@]})) || names=("${concurrent[@]}")

cd "$root"
step "Building with the $preset preset"
configure "$preset"
cmake --build --preset "$preset" -j "${JOBS:-2}" --target "${names[@]}" ||
  die "the $preset build failed"
dynamodb_emulator --install
sanitizer_options
# The copies together make the crowds that some tests need.
export RHOOKS_TEST_CROWD=small

logs=build/repeat
rm -rf "$logs"
mkdir -p "$logs"

# run BINARY ROUNDS LOG: the log is kept only where one failed, or ran no case.
run() {
  local pid
  timeout -k 30 $((900 * ($2 + 1))) "${still[@]}" "build/$preset/bin/$1" --gtest_filter="$cases" \
    --gtest_repeat="$2" --gtest_shuffle \
    >"$3" 2>&1 </dev/null &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; exit 143' INT TERM
  if wait "$pid" && ! grep -q '^\[==========\] Running 0 tests' "$3"; then rm "$3"; fi
}

# repeat BINARY: all of its rounds, and the line that tells of them.
repeat() {
  local binary=$1 began=$SECONDS round=0 now copy failed running=()
  # shellcheck disable=SC2046  # the process ids are words
  trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
  while ((round < rounds)); do
    now=$((rounds - round < of_process ? rounds - round : of_process))
    running=()
    for ((copy = 1; copy <= copies; copy++)); do
      run "$binary" "$now" "$logs/$binary.$round.$copy.log" &
      running+=($!)
    done
    wait "${running[@]}"
    round=$((round + now))
  done
  failed=$(find "$logs" -name "$binary.*.log" | wc -l)
  printf '%-22s %5d runs, %3d failed processes, %5d s\n' "$binary" $((rounds * copies)) "$failed" \
    $((SECONDS - began))
  ((failed)) || return 0
  # What failed, and how often.
  grep -hE '^\[  FAILED  \] .*\(|Running 0 tests|^Note: Randomizing|ERROR: .*Sanitizer|WARNING: ThreadSan' \
    "$logs/$binary".*.log | sed -E 's/ \([0-9]+ ms\)$//' | sort | uniq -c | sed 's/^/    /' || true
  echo "    what they printed: $logs/$binary.*.log"
}

# shellcheck disable=SC2046  # the process ids are words
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
step "$rounds rounds of ${#names[@]} binaries, $copies copies at once, $lanes binaries side by side"
started=()
for binary in "${names[@]}"; do
  while (($(jobs -rp | wc -l) >= lanes)); do wait -n || true; done
  repeat "$binary" &
  started+=($!)
done
wait "${started[@]}"
[[ ! $(find "$logs" -name '*.log') ]]
