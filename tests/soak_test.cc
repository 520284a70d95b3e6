#include "testing/soak.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/temp_dir.h"

namespace rhooks::testing {
namespace {

// The environment and what is printed are as they were before when the test is over. Rounds that
// fail are run in a process of their own, since they fail the test.
class SoakTest : public ::testing::Test {
 protected:
  SoakTest() : report_(dir_.sub("report")), screen_(std::cout.rdbuf(printed_.rdbuf())) {
    set("RHOOKS_SOAK_SECONDS", std::nullopt);
    set("RHOOKS_SOAK_SEED", "17");
    set("RHOOKS_SOAK_REPORT", report_);
  }
  ~SoakTest() override {
    std::cout.rdbuf(screen_);
    for (const Variable& variable : before_) put(variable);
  }

  void set(const std::string& name, std::optional<std::string> value) {
    const char* const old = std::getenv(name.c_str());
    before_.insert(before_.begin(), {name, old ? std::optional<std::string>(old) : std::nullopt});
    put({name, std::move(value)});
  }
  std::string report() const { return text(report_); }
  std::string seed() const { return text(report_ + ".seed"); }
  std::string printed() const { return printed_.str(); }

 private:
  struct Variable {
    std::string name;
    std::optional<std::string> value;
  };
  static void put(const Variable& variable) {
    if (variable.value) {
      ::setenv(variable.name.c_str(), variable.value->c_str(), 1);
    } else {
      ::unsetenv(variable.name.c_str());
    }
  }
  static std::string text(const std::string& file) {
    std::ostringstream all;
    all << std::ifstream(file).rdbuf();
    return all.str();
  }

  TempDir dir_;
  const std::string report_;
  std::vector<Variable> before_;  // the latest first
  std::ostringstream printed_;
  std::streambuf* const screen_;
};
using SoakDeathTest = SoakTest;

TEST_F(SoakTest, RepeatsForAsManyRoundsAsTheTestGivesAndPrintsTheSeedOfEach) {
  {
    Soak soak("a suite", 3);
    while (soak.more()) {
      soak.count().repeats += 2;
      EXPECT_EQ(seed(), std::to_string(soak.seed()) + "\n");
      EXPECT_NE(printed().find("soak: a suite: seed " + std::to_string(soak.seed()) + "\n"),
                std::string::npos);
    }
  }
  EXPECT_NE(printed().find("seed 17\n"), std::string::npos);
  EXPECT_EQ(report(), "a suite: 3 runs, 0 crashes survived, 6 repeats, lost = 0, stuck = 0\n");
  EXPECT_NE(printed().find("soak: " + report()), std::string::npos);
}

TEST_F(SoakTest, GoesOnForAsLongAsAskedWithoutPrintingEachSeed) {
  set("RHOOKS_SOAK_SECONDS", "1");
  const auto started = std::chrono::steady_clock::now();
  {
    Soak soak("a suite");
    while (soak.more()) {
    }
    EXPECT_GT(soak.count().runs, 1u);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::seconds{1});
  EXPECT_EQ(printed().find("seed"), std::string::npos);
}

TEST_F(SoakTest, AnExceptionThatEndsTheTestIsAFailure) {
  try {
    Soak soak("a suite");
    ASSERT_TRUE(soak.more());
    throw std::runtime_error("from the round");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(report(),
            "a suite: 1 runs, 0 crashes survived, 0 repeats, lost = 0, stuck = 0, "
            "FAILED with seed 17\n");
}

TEST_F(SoakTest, OneThatWasUnderWayBeforeIsNone) {
  struct Unwound {
    ~Unwound() {
      Soak soak("a suite");
      EXPECT_TRUE(soak.more());
    }
  };
  try {
    Unwound unwound;
    throw std::runtime_error("before");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(report(), "a suite: 1 runs, 0 crashes survived, 0 repeats, lost = 0, stuck = 0\n");
}

TEST_F(SoakDeathTest, TheSeedOfARoundThatEndsTheProcessIsInAFileAlready) {
  const auto abort_in_the_second_round = [] {
    Soak soak("a suite", 3);
    soak.more();
    if (soak.more()) std::abort();
  };
  EXPECT_EXIT(abort_in_the_second_round(), ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_EQ(report(), "");
  EXPECT_EQ(seed(), std::to_string(17 + 0x9E3779B97F4A7C15u) + "\n");
}

TEST_F(SoakDeathTest, ARoundThatFailedIsTheLast) {
  const auto fail = [] {
    {
      Soak soak("a suite", 3);
      while (soak.more()) ADD_FAILURE() << "on purpose";
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(fail(), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(report(),
            "a suite: 1 runs, 0 crashes survived, 0 repeats, lost = 0, stuck = 0, "
            "FAILED with seed 17\n");
}

}  // namespace
}  // namespace rhooks::testing
