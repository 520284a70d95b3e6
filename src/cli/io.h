#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"

namespace rhooks::cli {

// Environment variables, as the caller of a command sees them.
using Environment = std::map<std::string, std::string>;

// What a command touches outside itself: streams, terminal, environment, time. The tests
// inject their own, so that every command runs in the test's process.
struct Io {
  Io(std::istream& i, std::ostream& o, std::ostream& e) : in(i), out(o), err(e) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int out_fd = -1;  // the descriptor behind `out`; -1: there is none
  // Columns of the terminal; what is not a terminal has no width.
  std::optional<int> width;
  Environment environment;
  bool json_errors = false;  // with --json: errors are problem documents, one a line
  std::function<TimePoint()> now = [] { return SystemClock().now(); };

  // An environment variable; an empty one counts as not set.
  std::optional<std::string> env(const std::string& name) const {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  bool colours() const { return out_is_terminal && !env("NO_COLOR") && env("TERM") != "dumb"; }
};

// Fills in the process's terminal and environment.
void use_system(Io& io);

}  // namespace rhooks::cli
