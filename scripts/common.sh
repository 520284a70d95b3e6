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

# configure PRESET [ARGUMENT...]: cmake says much when all is well; it is shown where it is not.
configure() {
  local log
  log=$(cmake --preset "$@" 2>&1) || {
    printf '%s\n' "$log" >&2
    die "cmake could not configure the $1 preset; its messages are above"
  }
}

# stop PID: asks a process that was started here to end, and insists after ten seconds. -PID: it
# leads a group, which all ends.
stop() {
  local pid=$1 i
  [[ $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# wait_port FILE PID NAME: the port that a process wrote to FILE; it must live meanwhile.
wait_port() {
  local file=$1 pid=$2 what=$3 i
  for ((i = 0; i < 150; i++)); do
    if [[ -s $file ]]; then
      cat "$file"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || die "the $what ended instead of starting; its output is below"
    sleep 0.1
  done
  die "the $what did not start within 15 seconds; its output is below"
}

# npm_packages DIRECTORY WHAT [--install]: with --install, installs what DIRECTORY/package-lock.json
# names, when it is missing or that file has changed since. Without, and missing, says that WHAT fails.
npm_packages() {
  local dir=$root/$1
  if cmp -s "$dir/package-lock.json" "$dir/node_modules/.installed-lock.json"; then
    echo "installed"
  elif [[ ! ${3:-} ]]; then
    echo "not installed; $2 will fail"
  else
    (cd "$dir" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund) ||
      die "npm could not install $1; its messages are above"
    cp "$dir/package-lock.json" "$dir/node_modules/.installed-lock.json"
  fi
}

# cron_peers [--install]: the packages whose answers schedule_test compares.
cron_peers() {
  step "Peers of cron"
  npm_packages testing/cron_peers "the test that compares schedules with other programs" "$@"
}

# webhook_peers [--install]: the package that signatures are compared with in cli_e2e_test.
webhook_peers() {
  step "Peers of signatures"
  npm_packages testing/webhook_peers "the test in which another program verifies signatures" "$@"
}

# typescript_client [--install]: the compiler of clients/typescript.
typescript_client() {
  step "TypeScript client"
  npm_packages clients/typescript "the tests of the client" "$@"
}

# dynamodb_emulator [--install]: the emulator that the tests of the DynamoDB store run on. Each test
# process starts one for itself, unless RHOOKS_TEST_DYNAMODB names one: one that all shared would be
# what they wait for.
dynamodb_emulator() {
  step "DynamoDB emulator"
  if [[ ${RHOOKS_TEST_DYNAMODB:-} ]]; then
    echo "$RHOOKS_TEST_DYNAMODB"
  else
    npm_packages testing/dynalite "the tests of the DynamoDB store" "$@"
  fi
}

# In these one thread calls, and what it calls other cases call from many: no race shows in them, and
# they take most of the time.
one_thread_cases='PowerLoss*:ShardPlanTest*:*RandomCallsAnswer*:*AgreeWithBruteForce*:*NamesThat*'
one_thread_cases+=':*BatchOfAThousand*:MemberTest*:*AnswersAsTheEmulatorDoes*:*RandomClaimsTake*'

# sanitizer_options: what the sanitizers of test binaries are told, unless the environment says
# otherwise; and `still`, what to run them with.
sanitizer_options() {
  # Whole stacks of all that is allocated would take a third of the time.
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:malloc_context_size=6}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  if [[ ! ${TSAN_OPTIONS:-} ]]; then
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    [[ ! -f $root/scripts/tsan.supp ]] || TSAN_OPTIONS+=":suppressions=$root/scripts/tsan.supp"
  fi
  export TSAN_OPTIONS

  # GCC 12's ThreadSanitizer does not know the wider address randomisation of newer kernels
  # ("unexpected memory mapping"), so its tests run without any, where that may be switched off.
  still=()
  if setarch "$(uname -m)" -R true 2>/dev/null; then still=(setarch "$(uname -m)" -R); fi
}
