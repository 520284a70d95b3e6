#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/app.h"

namespace rhooks::cli {

// A command line run in the test's own process.
struct TestRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

struct TestIo {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Io io{in, out, err};

  explicit TestIo(const std::string& input = {}) : in(input) {}

  TestRun run(const std::vector<std::string>& args) {
    TestRun result;
    result.exit_code = cli::run(args, io);
    result.out = out.str();
    result.err = err.str();
    out.str("");
    err.str("");
    return result;
  }
};

inline TestRun run_line(const std::vector<std::string>& args, const Environment& environment = {},
                        const std::string& input = {}) {
  TestIo test(input);
  test.io.environment = environment;
  return test.run(args);
}

}  // namespace rhooks::cli
