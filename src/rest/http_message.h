#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"

namespace rhooks::rest {

struct Route;

// What a request asks for: one task and the like, or many, which takes longer and more memory; and
// what is answered later, by a handler that never waits.
enum class Work { kOne, kMany, kLater };

// One HTTP request, as a handler sees it. Plain data.
struct HttpRequest {
  std::string method;  // as sent: "GET"
  std::string target;  // as sent: "/v1/tasks?limit=1"
  // Of a target in absolute form, such as "127.0.0.1:8090"; then it counts, and Host does not (RFC
  // 9112, section 3.2.2). Otherwise empty.
  std::string authority;
  // The path's segments, percent-decoded one by one, so that an encoded '/' stays inside its
  // segment. "/" has none; "/a/" has "a" and "".
  std::vector<std::string> path;
  // Query parameters in their order, decoded; '+' is a space, as HTML forms have it.
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<Header> headers;  // in their order
  std::string body;
  std::string peer;  // the client's address, "127.0.0.1:51234"
  // When the last byte of the head arrived.
  std::chrono::steady_clock::time_point received_at{};
  // What its admission found (Admission::route).
  const Route* route = nullptr;

  // The value of the first header of this name (any case), or null.
  const std::string* header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no Content-Type header
  std::vector<Header> headers;
  std::string body;
};

// Gives a request its response: at most one call, now or later, from any thread. Until that
// call it and its copies keep the request valid; if all of them go without one, the answer is 503.
using Respond = std::function<void(HttpResponse)>;

// Splits and decodes a request target into `path` and `query`: origin form, or absolute form, with
// its `authority`, or "*" (no segments). Errors: kInvalidArgument.
Result<void> parse_target(HttpRequest& request);

// An RFC 9457 problem document. `code` says what a client can do about it, as in Error.
HttpResponse problem(int status, ErrorCode code, std::string_view detail,
                     std::string_view field = {});

}  // namespace rhooks::rest
