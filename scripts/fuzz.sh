#!/usr/bin/env bash
# Builds the fuzzers with clang and libFuzzer and runs each for a while.
set -euo pipefail
. "$(dirname "$0")/common.sh"

usage() {
  cat <<USAGE
Usage: scripts/fuzz.sh [NAME...] [--seconds N] [--build-only | --no-build] [--list]

Builds the fuzzers of fuzz/ (all of them, or those named) with AddressSanitizer and
UndefinedBehaviorSanitizer, and runs each one from its seeds in fuzz/corpus/NAME and what
earlier runs found. scripts/install-deps.sh --fuzz installs what it needs.

  --seconds N  how long each one runs (default 10)
  --minutes N  how long all of them run together, each an equal share
  --build-only only build them
  --no-build   run them as they were built
  --list       only print the names
  --help       this text

JOBS sets how many compilers and fuzzers run at once (default 2). Exit code 1: a fuzzer found something;
the input and the output are in build/fuzz/findings/. What the runs learn stays in
build/fuzz/corpus/. The last line is a summary; it is appended to the file that
RHOOKS_SOAK_REPORT names, where that is set.
USAGE
}

cd "$root"
jobs=${JOBS:-2}
mapfile -t all < <(sed -n 's/^rhooks_fuzzer(\([a-z0-9_]*\).*/\1/p' fuzz/CMakeLists.txt)
seconds=10
minutes=
build_only=
no_build=
names=()
while (($#)); do
  case $1 in
    --seconds | --minutes)
      [[ ${2:-} =~ ^[1-9][0-9]{0,5}$ ]] ||
        { echo "$name: $1 needs a whole number of at least 1" >&2 && exit 2; }
      if [[ $1 == --seconds ]]; then seconds=$2 minutes=; else minutes=$2; fi
      shift
      ;;
    --build-only) build_only=1 ;;
    --no-build) no_build=1 ;;
    --list) printf '%s\n' "${all[@]}" && exit 0 ;;
    -h | --help) usage && exit 0 ;;
    -*) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
    *)
      [[ " ${all[*]} " == *" $1 "* ]] ||
        { echo "$name: there is no fuzzer '$1'; there are: ${all[*]}" >&2 && exit 2; }
      names+=("$1")
      ;;
  esac
  shift
done
((${#names[@]})) || names=("${all[@]}")
[[ ! $minutes ]] || seconds=$(((minutes * 60 * jobs + ${#names[@]} - 1) / ${#names[@]}))

command -v clang++ >/dev/null ||
  die "clang is missing; scripts/install-deps.sh --fuzz installs it"

if [[ ! $no_build ]]; then
  step "Building ${#names[@]} fuzzers"
  configure fuzz
  cmake --build --preset fuzz -j "$jobs" --target "${names[@]/#/fuzz_}" ||
    die "the fuzzers could not be built"
fi
[[ ! $build_only ]] || exit 0

step "Running each for $seconds s, $jobs at once"
findings=build/fuzz/findings
mkdir -p "$findings"
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# run_fuzzer NAME: its output goes to a log, how it ended to a file beside it.
run_fuzzer() {
  local fuzzer=$1 corpus=build/fuzz/corpus/$1 dict=() ended=0 pid
  mkdir -p "$corpus"
  [[ ! -f fuzz/$fuzzer.dict ]] || dict=("-dict=fuzz/$fuzzer.dict")
  # The first folder is the one that libFuzzer adds to.
  "build/fuzz/bin/fuzz_$fuzzer" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$findings/$fuzzer-" "${dict[@]}" \
    "$corpus" "fuzz/corpus/$fuzzer" >"$findings/$fuzzer.log" 2>&1 </dev/null &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; exit 143' TERM
  wait "$pid" || ended=$?
  echo "$ended" >"$findings/$fuzzer.ended"
}

# report NAME: a line of what it did, and what it found.
code=0
all_runs=0
found=0
report() {
  local fuzzer=$1 log=$findings/$1.log verdict=ok runs covered seed
  if [[ $(cat "$findings/$fuzzer.ended") != 0 ]]; then
    verdict=FOUND
    code=1
    found=$((found + 1))
  fi
  # The output is the only place where libFuzzer says these.
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  covered=$(sed -n 's/.*[[:space:]]cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
  seed=$(sed -n 's/^INFO: Seed: //p' "$log")
  # One that was ended by a finding says no sum: the last line that it wrote has the number.
  [[ $runs ]] || runs=$(sed -n 's/^#\([0-9][0-9]*\)[[:space:]].*/\1/p' "$log" | tail -n 1)
  all_runs=$((all_runs + ${runs:-0}))
  printf '%-16s %-6s %9s runs, %5s edges, %5s inputs kept, seed %s\n' "$fuzzer" "$verdict" \
    "${runs:-?}" "${covered:-?}" "$(find "build/fuzz/corpus/$fuzzer" -type f | wc -l)" "${seed:-?}"
  if [[ $verdict == FOUND ]]; then
    grep -E 'does not hold|check failed|runtime error|ERROR:|^SUMMARY|Test unit written' "$log" |
      sed 's/^/    /' || tail -n 5 "$log" | sed 's/^/    /'
    echo "    all of it: $log; again: build/fuzz/bin/fuzz_$fuzzer INPUT"
  fi
}

# shellcheck disable=SC2046  # the process ids are words
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
for fuzzer in "${names[@]}"; do rm -f "$findings/$fuzzer.ended"; done
for fuzzer in "${names[@]}"; do
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
  run_fuzzer "$fuzzer" &
done
wait
for fuzzer in "${names[@]}"; do report "$fuzzer"; done

summary="fuzzers: $all_runs runs, 0 crashes survived, 0 repeats, lost = 0, stuck = 0, findings = $found"
echo "$summary"
[[ ! ${RHOOKS_SOAK_REPORT:-} ]] || echo "$summary" >>"$RHOOKS_SOAK_REPORT"
exit "$code"
