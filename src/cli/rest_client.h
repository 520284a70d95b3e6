#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "net/http_client.h"

namespace rhooks::cli {

struct RestClientOptions {
  std::string base;     // "http://127.0.0.1:8090", without a slash at the end
  std::string api_key;  // sent as a Bearer token; empty: none is sent
  std::string ca_file;  // empty: the system's certificate authorities
  std::chrono::milliseconds connect_timeout{10'000};
};

struct RestCall {
  const char* method = "GET";
  std::string path;  // with the query string, already percent-encoded
  std::optional<std::string> body;
  // 0: as long as it takes, because triggers and clears of many tasks take long; a dead
  // connection is still noticed (TCP keep-alive).
  std::chrono::milliseconds timeout{0};
  std::vector<Header> headers = {};  // besides those of every call
};

// Asks one server by its REST API, over one connection that is kept alive.
// Threads: one at a time. Blocking: call(), until the answer is there.
class RestClient {
 public:
  static constexpr std::size_t kAnswerBytesMax = 512 * 1024 * 1024;

  explicit RestClient(RestClientOptions options);

  // Any status is an answer. Errors: kUnavailable (nothing was sent; the message says what
  // to do), kUnknownOutcome (it was sent, and the answer was lost), kOverloaded (an answer
  // past kAnswerBytesMax).
  Result<net::HttpAnswer> call(const RestCall& call);

 private:
  Error translate(const net::HttpFailure& failure, bool changes) const;

  const RestClientOptions options_;
  net::HttpClient http_;
};

}  // namespace rhooks::cli
