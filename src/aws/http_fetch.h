#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "net/http_client.h"

namespace rhooks::aws {

// A request for credentials.
struct FetchRequest {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;
  std::string body;
  std::chrono::milliseconds timeout{1'000};  // of one try
  int tries_max = 2;
  bool use_proxy = false;  // that of the environment; never on the way to a metadata service
};

// Larger ones are no credentials.
inline constexpr std::size_t kFetchAnswerBytesMax = 64 * 1024;

// Makes a small HTTP request and waits for the answer, whatever its status. Redirects are not
// followed. A try that got no answer, or 429 or 5xx, is repeated after a short pause, so send
// only what may be repeated.
// Errors: kUnavailable; the message says why in a few words, and shows no more of the URL than its
// host and port.
// Threads: may be called from any thread. Blocking: up to tries_max times the time-out.
Result<net::HttpAnswer> fetch(const FetchRequest& request);

}  // namespace rhooks::aws
