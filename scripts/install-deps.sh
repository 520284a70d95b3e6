#!/usr/bin/env bash
# Installs what building Reactive Hooks needs, from Debian 12's own packages.
# Only what is missing is installed: a second run changes nothing and needs no network.
set -euo pipefail

build=(
  build-essential cmake ninja-build pkg-config ccache lld git
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libcurl4-openssl-dev libc-ares-dev libssl-dev librocksdb-dev
  zlib1g-dev libzstd-dev libbrotli-dev
  libexpected-dev libcli11-dev libtomlplusplus-dev libcctz-dev
  prometheus-cpp-dev libmimalloc-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
# The tests of the DynamoDB store run on an emulator in node, and schedules and signatures are
# compared with what programs in node make of them. Debian's, where there is none.
emulator=()
major=$(node --version 2>/dev/null || true) && major=${major#v}
((${major%%.*} + 0 >= 18)) || emulator+=(nodejs)
command -v npm >/dev/null || emulator+=(npm)
run=(ca-certificates curl tzdata) # the authorities that HTTPS receivers are checked against; the tours; zones
fuzz=(clang libclang-rt-14-dev llvm) # llvm: symbols in what the sanitizers print
lint=(clang clang-format clang-tidy)
bench=(wrk)
extra=("${fuzz[@]}" "${lint[@]}" "${bench[@]}" gcovr jq)

usage() {
  cat <<USAGE
Usage: scripts/install-deps.sh [--fuzz] [--lint] [--bench] [--all] [--no-emulator] [--print]

Installs the Debian 12 packages that building and testing Reactive Hooks needs.
Works as root, and with sudo as anyone else. A node (18 or newer) and an npm that are there
already are used; Debian's packages, nodejs and npm, are only for where there is none.

  --fuzz         also what fuzzing needs: ${fuzz[*]}
  --lint         also what linting needs: ${lint[*]}
  --bench        also what the benchmarks need: ${bench[*]}
  --all          also what linting, fuzzing, benchmarks and coverage need: ${extra[*]}
  --no-emulator  leave out node and npm, which only tests of the DynamoDB store, schedules, signatures and the client need
  --print        only print the names of the packages, one a line
  --help         this text
USAGE
}

die() {
  printf 'install-deps: %s\n' "$*" >&2
  exit 1
}

packages=("${build[@]}" "${run[@]}")
print=
while (($#)); do
  case $1 in
    --fuzz) packages+=("${fuzz[@]}") ;;
    --lint) packages+=("${lint[@]}") ;;
    --bench) packages+=("${bench[@]}") ;;
    --all) packages+=("${extra[@]}") ;;
    --no-emulator) emulator=() ;;
    --print) print=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
packages+=("${emulator[@]}")

if [[ $print ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "this system has no dpkg and apt-get, so nothing can be installed for you.
Reactive Hooks is built on Debian 12 (a container will do: debian:12). Elsewhere, install
what these packages hold, then run cmake yourself: ${packages[*]}"
fi

installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "install-deps: all ${#packages[@]} packages are there."
  exit 0
fi

if [[ $(. /etc/os-release 2>/dev/null && echo "${ID:-}${VERSION_ID:-}") != debian12 ]]; then
  echo "install-deps: this is not Debian 12; some packages may have other names here." >&2
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    die "these packages are missing, and only root can install them (there is no sudo): ${missing[*]}"
  as_root=(sudo)
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

known() { # whether the package lists at hand know all that is missing
  local package
  for package in "${missing[@]}"; do
    [[ $(apt-cache policy "$package" 2>/dev/null) == *Candidate:\ [0-9]* ]] || return 1
  done
}

echo "install-deps: installing ${missing[*]}"
updated=
if ! known; then
  apt update || die "apt-get update failed; is there a network, and are the sources right?"
  updated=1
fi
if ! apt install --no-install-recommends "${missing[@]}"; then
  # Old lists name versions that the mirror no longer has.
  [[ ! $updated ]] || die "apt-get could not install: ${missing[*]}"
  apt update || die "apt-get update failed; is there a network, and are the sources right?"
  apt install --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]}"
fi

for package in "${missing[@]}"; do
  installed "$package" || die "$package is still missing after apt-get install"
done
echo "install-deps: done."
