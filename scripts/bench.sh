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
  "isolation|webhooks past receivers that never answer, and to many hosts"
  "limits|limits of endpoints: what they cost, and whether a rate is reached"
  "scale|delivery, idle CPU, memory and start with up to 10 million tasks waiting"
  "fetch|a page of 100 from a namespace of a million"
  "clear|a namespace of a million, cleared"
  "redrive|a hundred thousand FAILED tasks, run again"
  "sustained|ten minutes of registering and delivering, while the store grows"
  "dynamo|deliveries on the DynamoDB emulator, and what AWS would charge for them"
  "micro|the parts that every task passes, by Google Benchmark"
)
micro=(codec_bench model_bench schedule_bench signer_bench due_bench store_bench)

usage() {
  cat <<USAGE
Usage: scripts/bench.sh [NAME...] [--quick] [--json] [--pairs N] [--scale X] [--match TEXT]
       scripts/bench.sh --compare REV [NAME...] [--pairs N] ...
       scripts/bench.sh --list

Installs what is missing, builds the release preset and runs the benchmarks with these names, or
all of them. Every row states its conditions and, where there is one, the ceiling that was
measured beside it in the same run. The results are also written to
build/bench/REVISION-TIME.jsonl, a line of JSON each; the first line is the machine.

  --quick        a little of everything, to see that it runs; its figures mean nothing
  --json         print the lines of JSON instead of a table
  --pairs N      measurements of each row, of which the median is taken (default 3; with --compare 5)
  --scale X      measure X times as much as usual, 0.01 to 10
  --match TEXT   only the rows whose conditions hold TEXT
  --compare REV  measure this checkout and the revision REV in turns, each first every other time,
                 and print how they are to each other: the medians (REV -> this one), the median
                 of the ratios of the pairs, and their extremes. REV is built below build/compare/
                 with the benchmarks of this checkout, so it may be from before they existed, as
                 long as what they call is there. The builds of the last three are kept.
  --list         only print the names
  --no-install   install nothing
  --help         this text

Data are written below \${TMPDIR:-/tmp} and removed at the end. The figures are those of the disk
that is there, so it should not be a tmpfs; 'sustained' needs 18 GB of it, 'scale' 4, the others 2.

Examples:
  scripts/bench.sh                          # everything
  scripts/bench.sh --quick                  # does everything run?
  scripts/bench.sh deliver --match "256, body 100 B, 1 host"
  TMPDIR=/mnt/disk scripts/bench.sh scale lateness
  scripts/bench.sh --compare HEAD~5 deliver --match "256, body 100 B, 1 host" --scale 0.5

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

# testing_files: the files of testing/ that the benchmarks use, with those that these use.
testing_files() {
  local -A seen=()
  local queue file stem
  mapfile -t queue < <(grep -rhoE '"testing/[a-z_]+\.h"' bench | tr -d '"' | sort -u)
  while ((${#queue[@]})); do
    stem=${queue[0]%.h}
    queue=("${queue[@]:1}")
    [[ ! ${seen[$stem]:-} ]] || continue
    seen[$stem]=1
    # What a header declares may be in several files, which include it first.
    for file in "$stem.h" $(awk -v header="\"$stem.h\"" \
      '/^#include "testing/ { if ($2 == header) print FILENAME; nextfile }' testing/*.cc); do
      echo "$file"
      mapfile -t -O "${#queue[@]}" queue < <(grep -hoE '"testing/[a-z_]+\.h"' "$file" | tr -d '"')
    done
  done
}

# put FILE DIR: copies it there if it is another one; an equal one keeps its time, and is not
# compiled again.
put() {
  cmp -s "$1" "$2/$1" && return
  mkdir -p "$2/$(dirname "$1")"
  cp "$1" "$2/$1"
}

# build_other SHA: prints the rhooks_bench of that revision, with the benchmarks of this checkout.
# Called before "||", it goes on after what fails, and so has to say itself where to end.
build_other() {
  local dir=$root/build/compare/$1 file
  {
    if [[ ! -e $dir/CMakeLists.txt ]]; then
      rm -rf "$dir" "$dir.new"
      mkdir -p "$dir.new"
      git archive "$1" | tar -x -C "$dir.new" || die "revision $1 could not be written to $dir.new"
      mv "$dir.new" "$dir" || die "$dir.new could not be moved to $dir"
    fi
    # Each is a full build: the three that were used last stay.
    touch "$dir"
    find build/compare -mindepth 1 -maxdepth 1 -printf '%T@ %p\n' | sort -rn | tail -n +4 |
      cut -d ' ' -f 2- | xargs -r rm -rf
    while IFS= read -r file; do
      [[ -e $root/$file ]] || rm "$dir/$file" || die "$dir/$file could not be removed"
    done < <(cd "$dir" && find bench -type f 2>/dev/null)
    for file in $(find bench -type f) $(testing_files); do
      put "$file" "$dir" || die "$file could not be copied to $dir"
    done
    # The emulator that its benchmarks start, as it is installed here.
    [[ ! -d $dir/testing/dynalite ]] ||
      ln -sfn "$root/testing/dynalite/node_modules" "$dir/testing/dynalite/node_modules" ||
      die "the emulator could not be linked into $dir"
    (cd "$dir" && configure release -DRHOOKS_BENCH=ON -DRHOOKS_TESTS=ON &&
      cmake --build build/release -j "${JOBS:-2}" --target "${targets[@]}") ||
      die "revision $1 does not build with the benchmarks of this checkout (its messages are
above): it cannot be compared, or only by names that call less of it"
  } >&2
  echo "$dir/build/release/bin/rhooks_bench"
}

# settle: waits until the load is low enough for figures to be worth something, two minutes at most.
settle() {
  local i load
  for ((i = 0; i < 24; i++)); do
    read -r load _ </proc/loadavg
    # As rhooks_bench calls it busy.
    awk -v load="$load" 'BEGIN { exit load > 0.5 }' && return
    ((i)) || echo "waiting until the machine is quiet after building (load $load), two minutes at most"
    sleep 5
  done
}

names=()
compare=
options=()
json=
quick=
install=1
while (($#)); do
  case $1 in
    --pairs | --scale | --match | --compare)
      (($# >= 2)) || wrong "$1 needs a value"
      case $1 in
        --pairs)
          [[ $2 =~ ^[1-9][0-9]?$ ]] || wrong "--pairs needs a whole number from 1 to 99"
          ;;
        --scale)
          [[ $2 =~ ^(10|[0-9])?(\.[0-9]+)?$ && $2 ]] || wrong "--scale needs a number from 0.01 to 10"
          ;;
      esac
      if [[ $1 == --compare ]]; then
        compare=$(git -C "$root" rev-parse --verify --quiet "$2^{commit}") ||
          wrong "--compare: there is no revision '$2'"
      else
        options+=("$1" "$2")
      fi
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
uses_emulator() {
  wanted dynamo || wanted isolation
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
  ! uses_emulator || emulator=
  scripts/install-deps.sh --bench $emulator
fi

began=$SECONDS
step "Building with the release preset"
configure release -DRHOOKS_BENCH=ON -DRHOOKS_TESTS=ON
targets=(rhooks_bench)
! wanted micro || targets+=("${micro[@]}")
cmake --build --preset release -j "${JOBS:-2}" --target "${targets[@]}" ||
  die "the release build failed"
other=
if [[ $compare ]]; then
  step "Building revision ${compare:0:9} with these benchmarks"
  other=$(build_other "$compare") || exit 1
fi
building=$((SECONDS - began))
! uses_emulator || dynamodb_emulator ${install:+--install}

# What was started and written here ends with this script, however that ends.
# shellcheck disable=SC2317
cleanup() {
  local code=$?
  trap - EXIT INT TERM HUP
  stop "${bench_pid:+-$bench_pid}"
  rm -rf "${data:-}" || true
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
# With the time: a run does not take the place of another that measured something else.
results=build/bench/$revision-$(date -u +%Y%m%dT%H%M%SZ).jsonl
if [[ $quick ]]; then
  # What is asked for by name counts.
  options=(--scale 0.02 --pairs 1 "${options[@]}")
  results=${results%.jsonl}-quick.jsonl
fi
if [[ $compare ]]; then
  options=(--pairs 5 "${options[@]}" --compare "$other" --against "${compare:0:9}")
  results=${results%.jsonl}-against-${compare:0:9}.jsonl
fi
room=$(df --output=avail -BG "$place" | tail -n 1 | tr -dc 0-9)
step "Measuring; temporary data below $place, where $room GB are free"
! wanted scale || [[ $quick ]] || echo "scale needs 4 GB of them for 10 million tasks"
# The load of a build that was worth the name would be in the figures.
[[ $quick ]] || ((building < 10)) || settle
code=0
# In a group of its own, so that the processes that it starts end with it.
set -m
build/release/bin/rhooks_bench --revision "$revision" ${json:+--json} --json-file "$results" \
  "${options[@]}" "${names[@]}" >&3 </dev/null &
bench_pid=$!
set +m
wait "$bench_pid" || code=$?
# Ended by a signal, it may have left some behind.
((code > 128)) || bench_pid=
printf '\n%s\n' "The results as lines of JSON: $results"
exit "$code"
