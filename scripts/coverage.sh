#!/usr/bin/env bash
# Runs the tests instrumented for gcov and says how much of each module they reach.
set -euo pipefail
. "$(dirname "$0")/common.sh"

usage() {
  cat <<USAGE
Usage: scripts/coverage.sh [TEST...]

Builds all tests with the coverage preset, or only TESTs such as model_test, runs them, and
prints the covered lines and branches of each module that was built (the tests themselves and
branches that only exceptions take do not count). The report for each line is
build/coverage/report/index.html. scripts/install-deps.sh --all installs what it needs.

JOBS sets how many compilers and tests run at once (default 2). Exit code 1: a test failed.
USAGE
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
esac

cd "$root"
for tool in gcovr jq; do
  command -v "$tool" >/dev/null || die "$tool is missing; scripts/install-deps.sh --all installs it"
done
jobs=${JOBS:-2}

step "Building with the coverage preset"
configure coverage -DRHOOKS_UNITY=OFF
cmake --build --preset coverage -j "$jobs" ${1:+--target "$@"} || die "the coverage build failed"

dynamodb_emulator --install
cron_peers --install
webhook_peers --install

step "Testing"
find build/coverage -name '*.gcda' -delete # what earlier runs counted
code=0
labels=$(IFS='|' && echo "$*")
ctest --preset coverage -j $((2 * jobs)) ${1:+-L "^($labels)\$"} || code=1

step "Coverage"
report=build/coverage/report
mkdir -p "$report"
gcovr --root . --filter src/ --filter include/ --exclude '.*_test\.cc' --exclude '.*/test_[^/]*\.h' \
  --exclude '.*_fixture\.h' --exclude-throw-branches -j "$jobs" \
  --json-summary "$report/summary.json" --html-details "$report/index.html" \
  build/coverage >"$report/gcovr.log" 2>&1 || {
  cat "$report/gcovr.log" >&2
  die "gcovr failed; its messages are above"
}
printf '%-22s %7s %8s\n' module lines branches
jq -r '
  def percent(a; b): if b == 0 then "-" else (1000 * a / b | floor / 10 | tostring) + "%" end;
  def line(name): [name, percent(map(.line_covered) | add; map(.line_total) | add),
                   percent(map(.branch_covered) | add; map(.branch_total) | add)] | @tsv;
  .files | (group_by(.filename | split("/")[:2])[] | line(.[0].filename | split("/")[:2] | join("/"))),
           line("in all")' "$report/summary.json" |
  while IFS=$'\t' read -r module lines branches; do
    printf '%-22s %7s %8s\n' "$module" "$lines" "$branches"
  done
exit "$code"
