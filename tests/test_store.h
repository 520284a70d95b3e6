#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "testing/dynalite.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {

// A store that programs of a test open, new and empty.
struct TestStore {
  std::string url;
  std::vector<std::string> environment;  // NAME=VALUE, of whoever opens it
};

inline const std::vector<std::string>& store_kinds() {
  static const std::vector<std::string> kinds{"rocksdb", "dynamodb"};
  return kinds;
}

inline TestStore make_test_store(const std::string& kind, const TempDir& dir) {
  if (kind == "rocksdb") return {"rocksdb:" + dir.sub("store"), {}};
  // Other tests use the same emulator, so no two may draw the same names.
  std::random_device random;
  const std::string unique = std::to_string((std::uint64_t{random()} << 32) | random());
  return {"dynamodb:?endpoint=" + dynalite_endpoint() + "&region=us-east-1&tasks=tasks-" + unique +
              "&logs=logs-" + unique + "&create=true",
          // The emulator takes any; those of the machine must not be used.
          // Receivers are on this machine, where a shared store's webhooks do not go by default.
          {"AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=test",
           "AWS_SESSION_TOKEN=", "AWS_EC2_METADATA_DISABLED=true", "RHOOKS_EGRESS=open"}};
}

}  // namespace rhooks::testing
