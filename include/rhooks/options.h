#pragma once

#include <chrono>
#include <string>

namespace rhooks {

// How to open a scheduler. The defaults suit one machine and an embedded store.
struct Options {
  // Where tasks live:
  //   rocksdb:PATH   an embedded store in the directory PATH, created if missing
  //   memory:        in this process only; gone with it
  //   dynamodb:?…    Amazon DynamoDB; not in this version (open() says kUnsupported)
  std::string store = "rocksdb:rhooks-data";

  // Tasks that one worker attempts at the same time, exactly: 1 to 10,000.
  int concurrency = 25;
  // So many failed executions in a row make a recurring task FAILED; at least 1.
  int max_errors = 5;
  // Logs are dropped after so long (logsTtlInSeconds); 0 keeps them.
  std::chrono::seconds logs_ttl{0};

  // Limits of one attempt.
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{30'000};
  // The longest wait between two attempts; the first waits are 1 s, 2 s, 4 s, …
  std::chrono::milliseconds backoff_max{std::chrono::hours{1}};
  // stop() lets attempts end for so long; after it they are cut off, and due again.
  std::chrono::milliseconds drain_timeout{25'000};
  // PEM file of certificate authorities to trust instead of the system's; empty: the system's.
  std::string ca_file;

  // The options of the dynamodb: store, as users of DynamoDB know them. They are refused
  // with any other store, so that a mistaken setting is seen.
  std::string access_key_id;
  std::string secret_access_key;
  std::string region;
  std::string endpoint;
  std::string tasks_table_name;
  std::string logs_table_name;
  bool create_table = false;
};

}  // namespace rhooks
