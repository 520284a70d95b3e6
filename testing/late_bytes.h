#pragma once

#include <gtest/gtest.h>

#include <iosfwd>
#include <string>
#include <vector>

#include "testing/test_receiver.h"

namespace rhooks::testing {

// A way in which receivers, and proxies before them, write on a connection that is idle.
struct LateKind {
  std::string name;     // letters and digits
  TestResponse answer;  // 2xx, with the late bytes; its body may be changed
  bool head = false;    // the answer to a HEAD
};

// All of them. Where one is taken for the answer to the next request, that fails, is held for an
// hour, or passes for delivered though nobody has read it.
const std::vector<LateKind>& late_kinds();

// A kind, over http or https: what INSTANTIATE_TEST_SUITE_P takes.
struct LateCase {
  LateKind kind;
  bool tls = false;
};
std::vector<LateCase> late_cases();
std::string late_case_name(const ::testing::TestParamInfo<LateCase>& info);
void PrintTo(const LateCase& param, std::ostream* out);

}  // namespace rhooks::testing
