#!/usr/bin/env bash
# Checks the formatting of every file of the project and, on request, runs clang-tidy.
set -euo pipefail
. "$(dirname "$0")/common.sh"

usage() {
  cat <<USAGE
Usage: scripts/lint.sh [--fix] [--tidy [--deep] [FILE...]]

Checks the format of the C++ files (clang-format, .clang-format) and the syntax of the
shell scripts. scripts/install-deps.sh --lint installs what it needs.

  --fix          format the files instead of only checking them
  --tidy [FILE]  also run clang-tidy (.clang-tidy) on all of src/ but its tests, or on FILEs
  --deep         let clang's analyzer follow the paths of a function four times as far, which takes
                 twice as long in all
  --help         this text

JOBS sets how many of clang-tidy run at once (default 2).
USAGE
}

fix=
tidy=
deep=
files=()
while (($#)); do
  case $1 in
    --fix) fix=1 ;;
    --tidy) tidy=1 ;;
    --deep) deep=1 ;;
    -h | --help) usage && exit 0 ;;
    -*) echo "$name: unknown argument '$1'" >&2 && usage >&2 && exit 2 ;;
    *) files+=("$1") ;;
  esac
  shift
done
[[ $tidy || (${#files[@]} == 0 && ! $deep) ]] || { usage >&2 && exit 2; }

cd "$root"
command -v clang-format >/dev/null ||
  die "clang-format is missing; scripts/install-deps.sh --lint installs it"

step "Format"
mapfile -t sources < <(find include src testing tests bench fuzz \
  \( -name '*.cc' -o -name '*.h' \) -type f -not -path '*/node_modules/*' | LC_ALL=C sort)
((${#sources[@]} > 0)) || die "found no C++ file"
if [[ $fix ]]; then
  clang-format -i "${sources[@]}"
else
  clang-format --dry-run -Werror "${sources[@]}" ||
    die "some files are not formatted; scripts/lint.sh --fix formats them"
fi
for script in scripts/*.sh .ci/run; do
  bash -n "$script" || die "$script has a syntax error"
done
echo "${#sources[@]} files are well."

if [[ $tidy ]]; then
  step "clang-tidy"
  for tool in clang-tidy clang++; do
    command -v "$tool" >/dev/null ||
      die "$tool is missing; scripts/install-deps.sh --lint installs it"
  done
  # clang's analyzer looks into the .cc files that a source includes only where the path of that
  # source says UnifiedSource.
  tree=build/UnifiedSource
  configure fuzz -B "$tree"
  if ((${#files[@]} == 0)); then
    # As they are compiled, several .cc files as one: most of the time goes into the headers.
    mapfile -t files < <(awk -F '"' -v root="$root" -v tree="$root/$tree" '$2 == "file" &&
      (index($4, root "/src/") == 1 || index($4, tree "/src/") == 1) { print $4 }' \
      "$tree/compile_commands.json")
    ((${#files[@]} > 0)) || die "found no file of src/ in $tree/compile_commands.json"
  fi
  # The states of a program that the analyzer looks at for a function.
  nodes=50000
  [[ ! $deep ]] || nodes=225000
  analyzer=()
  for word in -Xclang -analyzer-config -Xclang "max-nodes=$nodes"; do
    analyzer+=("--extra-arg=$word")
  done
  printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "${JOBS:-2}" clang-tidy -p "$tree" --quiet "${analyzer[@]}" ||
    die "clang-tidy found something"
fi
