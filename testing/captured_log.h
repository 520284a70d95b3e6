#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "observe/logging.h"

namespace rhooks::testing {

// What is logged while it lives, and whatever else is written to standard error.
//
//   CapturedLog log;
//   provoke();
//   EXPECT_THAT(log.text(), HasSubstr("..."));
class CapturedLog {
 public:
  CapturedLog() {
    settle();
    ::testing::internal::CaptureStderr();
  }
  ~CapturedLog() {
    if (!ended_) text();
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  // Ends it; to be called once.
  std::string text() {
    settle();
    ended_ = true;
    return ::testing::internal::GetCapturedStderr();
  }

 private:
  // Lines are written by a thread of their own.
  static void settle() { EXPECT_TRUE(log::flush(std::chrono::minutes{1})); }

  bool ended_ = false;
};

}  // namespace rhooks::testing
