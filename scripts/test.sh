#!/usr/bin/env bash
# Runs the tests: everything under AddressSanitizer and UndefinedBehaviorSanitizer, then the
# threaded parts under ThreadSanitizer.
set -euo pipefail
. "$(dirname "$0")/common.sh"

tsan_tests=(engine_test hooks_test aws_test store_test rest_test)
preset=dev
filter=
rounds=1
tsan=1

usage() {
  cat <<USAGE
Usage: scripts/test.sh [--preset NAME] [--filter REGEX] [--rounds N] [--no-tsan] [--no-install]

Installs the Debian packages that are missing, builds, and runs the tests: all of them with
the dev preset (AddressSanitizer, UndefinedBehaviorSanitizer), then ${tsan_tests[*]}
with the tsan preset (ThreadSanitizer), but for cases in which only one thread calls. Tests of
the DynamoDB store run on dynalite, an emulator, which is installed by npm below
testing/dynalite/ when it is missing or its lock file has changed. Each test process runs one for
itself; where RHOOKS_TEST_DYNAMODB names the address of one that runs, all use that. So are two
packages of npm, below testing/cron_peers/, with whose answers schedule_test compares its own, and
one below testing/webhook_peers/, with which cli_e2e_test compares signatures, and the compiler of
clients/typescript/, whose tests (client_test) run on the server that was built.

  --preset NAME   another preset than dev for all tests: release, coverage, tsan
  --filter REGEX  only the test binaries whose name matches, such as '^(model|codec)_test'; for
                  single cases run one of them: build/dev/bin/model_test --gtest_filter='Backoff*'
  --rounds N      run each test N times, to find one that fails now and then; scripts/repeat.sh
                  does it with several copies at once
  --no-tsan       leave out the second part
  --no-install    install nothing
  --help          this text

JOBS sets how many compilers and tests run at once (default 2).
USAGE
}

install=1
while (($#)); do
  case $1 in
    --preset | --filter | --rounds)
      (($# >= 2)) || { echo "$name: $1 needs a value" >&2 && exit 2; }
      case $1 in
        --preset) preset=$2 ;;
        --filter) filter=$2 ;;
        --rounds)
          [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] ||
            { echo "$name: $1 needs a whole number of at least 1" >&2 && exit 2; }
          rounds=$2
          ;;
      esac
      shift
      ;;
    --no-tsan) tsan= ;;
    --no-install) install= ;;
    -h | --help) usage && exit 0 ;;
    *) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
  esac
  shift
done

cd "$root"
jobs=${JOBS:-2}
started=$SECONDS
summary=()

if [[ $install ]]; then
  step "Packages"
  scripts/install-deps.sh
fi

sanitizer_options

# count_cases LOG: adds up what the test binaries said of their cases.
passed=0 failures=0 skipped=0
count_cases() {
  local of_log
  mapfile -t of_log < <(awk '
    /^\[ +(PASSED|FAILED|SKIPPED) +\] [0-9]+ tests?[.,]/ { n[$2] += $4 }
    END { print n["PASSED"] + 0; print n["FAILED"] + 0; print n["SKIPPED"] + 0 }' "$1")
  passed=$((passed + of_log[0])) failures=$((failures + of_log[1])) skipped=$((skipped + of_log[2]))
}

# part PRESET TARGETS CTEST-ARGUMENT...: builds and tests, and notes how it went.
part() {
  local preset=$1 targets=$2 from=$SECONDS built failed=
  shift 2
  step "Building with the $preset preset"
  configure "$preset"
  # shellcheck disable=SC2086  # the targets are words
  cmake --build --preset "$preset" -j "$jobs" ${targets:+--target $targets} ||
    die "the $preset build failed"
  built=$SECONDS
  step "Testing with the $preset preset"
  # A test that computes counts as two, one that mostly waits as one, of which three run at most
  # (cmake/RhooksModule.cmake).
  "${still[@]}" ctest --preset "$preset" -j $((2 * jobs + 3)) --repeat "until-fail:$rounds" \
    ${filter:+-R "$filter"} "$@" || failed=1
  count_cases "build/$preset/Testing/Temporary/LastTest.log"
  summary+=("$(printf '%-8s %s  (built in %d s, tested in %d s)' "$preset" \
    "$([[ $failed ]] && echo FAILED || echo passed)" $((built - from)) $((SECONDS - built)))")
  [[ ! $failed ]]
}

# client_test PRESET: the tests of clients/typescript, against the server of that preset.
client_test() {
  local from=$SECONDS failed=
  [[ ! $filter || client_test =~ $filter ]] || return 0
  step "Testing the TypeScript client with the server of the $1 preset"
  if ! command -v npm >/dev/null; then
    echo "node and npm are missing; scripts/install-deps.sh installs them" >&2
    failed=1
  else
    (cd clients/typescript && RHOOKS_BINARY=$root/build/$1/bin/rhooks npm --silent test) || failed=1
  fi
  summary+=("$(printf '%-8s %s  (tested in %d s)' client "$([[ $failed ]] && echo FAILED || echo passed)" \
    $((SECONDS - from)))")
  [[ ! $failed ]]
}

dynamodb_emulator ${install:+--install}
cron_peers ${install:+--install}
webhook_peers ${install:+--install}
typescript_client ${install:+--install}

# A filter that names nothing of a part is no error where it may name something of another one.
empty=()
[[ ! $filter || ! client_test =~ $filter ]] || empty=(--no-tests=ignore)
code=0
part "$preset" "" "${empty[@]}" || code=1
client_test "$preset" || code=1
if [[ $tsan && $preset != tsan ]]; then
  labels=$(IFS='|' && echo "${tsan_tests[*]}")
  [[ ! $filter ]] || empty=(--no-tests=ignore)
  export GTEST_FILTER=${GTEST_FILTER:--$one_thread_cases}
  part tsan "${tsan_tests[*]}" -L "^($labels)\$" "${empty[@]}" || code=1
fi

step "Summary"
printf '%s\n' "${summary[@]}"
printf 'in all   %d s\n' $((SECONDS - started))
printf 'cases: %d passed, %d failed, %d skipped\n' "$passed" "$failures" "$skipped"
exit "$code"
