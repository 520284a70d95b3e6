#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace rhooks::cli {

struct HttpClientOptions {
  std::string base;     // "http://127.0.0.1:8090", without a slash at the end
  std::string api_key;  // empty: none is sent
  std::string ca_file;
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t answer_bytes_max = 512 * 1024 * 1024;
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
  std::string location;  // of a redirect, as an absolute URL; it is not followed
};

struct HttpCall {
  const char* method = "GET";
  std::string path;  // with the query string, already percent-encoded
  std::optional<std::string> body;
  // 0: as long as it takes, because triggers and clears of many tasks take long; a dead
  // connection is still noticed (TCP keep-alive).
  std::chrono::milliseconds timeout{0};
};

// An HTTP client for one server, with one connection that is kept alive.
// Threads: one at a time. Blocking: call(), until the answer is there.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status is an answer. Errors: kUnavailable (nothing was sent; the message says what
  // to do), kUnknownOutcome (it was sent, and the answer was lost), kOverloaded (an answer
  // past answer_bytes_max).
  Result<HttpAnswer> call(const HttpCall& call);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks::cli
