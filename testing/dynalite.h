#pragma once

#include <string>

namespace rhooks::testing {

// "http://127.0.0.1:PORT" of dynalite, the emulator of DynamoDB that the tests run on
// (testing/dynalite/): one that is started here for this process and ends with it, or the one that
// RHOOKS_TEST_DYNAMODB names. Tables are shared by whoever uses it: name yours so that no other
// test has the name.
//
// Throws std::runtime_error, which says what to run, where node or its packages are missing: a
// test that needs it fails rather than being left out.
// Threads: any. Blocking: until it has started.
std::string dynalite_endpoint();

}  // namespace rhooks::testing
