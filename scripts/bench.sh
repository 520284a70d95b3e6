#!/usr/bin/env bash
# Measures Reactive Hooks against what this machine allows: builds the benchmarks and runs them.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# As rhooks_bench runs them.
suites=(
  "ceiling|the raw sender and wrk, without a store"
  "deliver|due tasks to the receiver, durable, with logs"
  "register|tasks registered, each synced before its answer"
  "lateness|how late webhooks arrive while a million wait"
  "scale|delivery, idle CPU, memory and start with up to 10 million tasks waiting"
  "fetch|a page of 100 from a namespace of a million"
  "dynamo|deliveries on the DynamoDB emulator, and what AWS would charge for them"
  "micro|the parts that every task passes, by Google Benchmark"
)
micro=(codec_bench model_bench store_bench)

usage() {
  cat <<USAGE
Usage: scripts/bench.sh [NAME...] [--quick] [--json] [--pairs N] [--scale X] [--match TEXT]
       scripts/bench.sh --list

Installs what is missing, builds the release preset and runs the benchmarks with these names, or
all of them. Every row states its conditions and, where there is one, the ceiling that was
measured beside it in the same run. The results are also written to build/bench/REVISION.jsonl,
a line of JSON each; the first line is the machine.

  --quick        a little of everything, to see that it runs; its figures mean nothing
  --json         print the lines of JSON instead of a table
  --pairs N      measurements of each row, of which the median is taken (default 3)
  --scale X      measure X times as much as usual, 0.01 to 10
  --match TEXT   only the rows whose conditions hold TEXT
  --list         only print the names
  --no-install   install nothing
  --help         this text

Data are written below \${TMPDIR:-/tmp} and removed at the end. The figures are those of the disk
that is there, so it should not be a tmpfs; 'scale' needs 5 GB of it, the others 2 GB.

Examples:
  scripts/bench.sh                          # everything
  scripts/bench.sh --quick                  # does everything run?
  scripts/bench.sh deliver --match "256, body 100 B, 1 host"
  TMPDIR=/mnt/disk scripts/bench.sh scale lateness

Exit code 1: a benchmark failed, which also those do that see a webhook lost, doubled or early.
USAGE
}

# known NAME: whether there is such a suite.
known() {
  local suite
  for suite in "${suites[@]}"; do
    [[ ${suite%%|*} != "$1" ]] || return 0
  done
  return 1
}

wrong() {
  echo "$name: $*" >&2
  exit 2
}

names=()
options=()
json=
quick=
install=1
while (($#)); do
  case $1 in
    --pairs | --scale | --match)
      (($# >= 2)) || wrong "$1 needs a value"
      case $1 in
        --pairs)
          [[ $2 =~ ^[1-9][0-9]?$ ]] || wrong "--pairs needs a whole number from 1 to 99"
          ;;
        --scale)
          [[ $2 =~ ^(10|[0-9])?(\.[0-9]+)?$ && $2 ]] || wrong "--scale needs a number from 0.01 to 10"
          ;;
      esac
      options+=("$1" "$2")
      shift
      ;;
    --json) json=1 ;;
    --quick) quick=1 ;;
    --list)
      for suite in "${suites[@]}"; do printf '%-10s %s\n' "${suite%%|*}" "${suite#*|}"; done
      exit 0
      ;;
    --no-install) install= ;;
    -h | --help) usage && exit 0 ;;
    -*) wrong "unknown option '$1'; --help shows what there is" ;;
    *)
      known "$1" || wrong "there is no benchmark '$1'; --list prints their names"
      names+=("$1")
      ;;
  esac
  shift
done

# wanted NAME: whether it is to be run.
wanted() {
  [[ ${#names[@]} == 0 || " ${names[*]} " == *" $1 "* ]]
}

# Only results go to standard output.
exec 3>&1
[[ ! $json ]] || exec 1>&2

cd "$root"
# Of what is built now: the checkout may be another one by the end.
revision=$(git describe --always --dirty 2>/dev/null || echo unknown)

if [[ $install ]]; then
  step "Packages"
  emulator=--no-emulator
  ! wanted dynamo || emulator=
  scripts/install-deps.sh --bench $emulator
fi

step "Building with the release preset"
configure release -DRHOOKS_BENCH=ON -DRHOOKS_TESTS=ON
targets=(rhooks_bench)
! wanted micro || targets+=("${micro[@]}")
cmake --build --preset release -j "${JOBS:-2}" --target "${targets[@]}" ||
  die "the release build failed"
! wanted dynamo || dynamodb_emulator ${install:+--install}

# What was started and written here ends with this script, however that ends.
# shellcheck disable=SC2317
cleanup() {
  local code=$?
  trap - EXIT INT TERM HUP
  stop "${bench_pid:-}"
  stop "${emulator_pid:-}"
  rm -rf "${emulator_dir:-}" "${data:-}"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
place=${TMPDIR:-/tmp}
data=$(mktemp -d "$place/rhooks-bench.XXXXXX")
export TMPDIR=$data

mkdir -p build/bench
results=build/bench/$revision.jsonl
if [[ $quick ]]; then
  # What is asked for by name counts.
  options=(--scale 0.02 --pairs 1 "${options[@]}")
  results=build/bench/$revision-quick.jsonl
fi
room=$(df --output=avail -BG "$place" | tail -n 1 | tr -dc 0-9)
step "Measuring; temporary data below $place, where $room GB are free"
! wanted scale || [[ $quick ]] || echo "scale needs about 5 GB of them for 10 million tasks"
code=0
build/release/bin/rhooks_bench --revision "$revision" ${json:+--json} --json-file "$results" \
  "${options[@]}" "${names[@]}" >&3 </dev/null &
bench_pid=$!
wait "$bench_pid" || code=$?
bench_pid=
printf '\n%s\n' "The results as lines of JSON: $results"
exit "$code"
