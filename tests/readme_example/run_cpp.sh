#!/usr/bin/env bash
# Installs the library, builds README.md's C++ example with find_package(rhooks) and runs it; the
# receiver of docs/signing.md, too.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$build_dir/tests/readme_example/consumer_settings.sh"

"$cmake_command" --install "$build_dir" --prefix "$work/prefix" >"$work/install.log" 2>&1
mkdir "$work/consumer" "$work/run"
block cpp >"$work/consumer/example.cc"
{
  block receiver docs/signing.md
  cat <<'MAIN'
#include <iostream>
int main() {
  const std::vector<std::string> secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto headers = rhooks::sign_webhook(secrets, "msg_1", now, "body").value();
  std::cout << answer_to(headers, "body", secrets) << ' ' << answer_to(headers, "other", secrets)
            << ' ' << answer_to(headers, "body", {"no secret"}) << '\n';
}
MAIN
} >"$work/consumer/receiver.cc"
{
  echo 'cmake_minimum_required(VERSION 3.25)'
  echo 'project(example LANGUAGES CXX)'
  block cmake
  echo 'add_executable(receiver receiver.cc)'
  echo 'target_link_libraries(receiver PRIVATE rhooks::rhooks)'
} >"$work/consumer/CMakeLists.txt"
{
  "$cmake_command" -S "$work/consumer" -B "$work/build" "-DCMAKE_PREFIX_PATH=$work/prefix" \
    "${settings[@]}"
  "$cmake_command" --build "$work/build"
} >"$work/build.log" 2>&1

start_receiver
cd "$work/run"
timeout 60 "$work/build/example" "http://127.0.0.1:$receiver_port/hook" >"$work/example.log" 2>&1
grep -q '^1 attempted, 0 failed$' "$work/example.log" || die "the example did not deliver"
grep -q ' is DONE$' "$work/example.log" || die "the example's task is not DONE"
grep -q '"key"' "$work/receiver.log" || die "the receiver did not get the example's body"
cat "$work/example.log"
answers=$("$work/build/receiver")
[[ $answers == '202 401 500' ]] || die "the receiver answered $answers"
