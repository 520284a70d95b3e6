#include "model/endpoint.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/duration.h"
#include "model/checks.h"
#include "model/headers.h"
#include "model/refusal.h"
#include "model/url.h"

namespace rhooks::model {
namespace {

Result<void> check_retries(const Endpoint& endpoint) {
  if (endpoint.retry_schedule.empty()) return {};
  if (endpoint.retry_limit) {
    return invalid("retryLimit", "retrySchedule says how many; leave one of them out");
  }
  if (endpoint.retry_max) {
    return invalid("retryMax", "retrySchedule says how long; leave one of them out");
  }
  return {};
}

// It would not be told that it does not answer before it does.
Result<void> check_events(const Endpoint& endpoint) {
  if (endpoint.callback != endpoint.name) return {};
  const auto& on = endpoint.callback_on;
  for (std::size_t i = 0; i < on.size(); ++i) {
    if (on[i] != events::kEndpointOpened && on[i] != events::kEndpointClosed) continue;
    return invalid("callbackOn[" + std::to_string(i) + "]",
                   on[i] + " cannot go to the endpoint that it is about");
  }
  return {};
}

Result<void> check_order(const Endpoint& endpoint) {
  if (!endpoint.ordered || endpoint.concurrency.value_or(1) == 1) return {};
  return invalid("ordered", "attempts are one at a time; leave concurrency out");
}

// What a flow has begun is not kept over a restart: it has to be long enough ago soon.
Result<void> check_pace(const Endpoint& endpoint) {
  if (!endpoint.rate) {
    if (endpoint.burst) return invalid("burst", "needs a rate");
    return {};
  }
  const Gcra rate = Gcra::of(*endpoint.rate, endpoint.burst);
  if (rate.interval > kRateRestMax) {
    return invalid("rate", "must allow one in " + format_duration(kRateRestMax) +
                               " at least; slower ones are not kept over a restart yet");
  }
  if (rate.tolerance + rate.interval <= kRateRestMax) return {};
  return invalid("burst", "must be at most what the rate allows in " +
                              format_duration(kRateRestMax) + ", " +
                              std::to_string(kRateRestMax / rate.interval) +
                              "; larger ones are not kept over a restart yet");
}

// One of them would not be sent.
Result<void> check_auth(const Endpoint& endpoint) {
  const bool twice = !endpoint.auth.empty() &&
                     std::any_of(endpoint.headers.begin(), endpoint.headers.end(), [](auto& one) {
                       return equal_in_any_case(one.name, kAuthorization);
                     });
  if (!twice) return {};
  return invalid("auth", "makes the header Authorization; leave that out of headers");
}

}  // namespace

Result<void> validate_endpoint_url(std::string_view url) {
  if (auto valid = validate_url(url); !valid) return valid;
  if (url.find('#') == url.npos) return {};
  return invalid("url", "must not have a fragment; nothing of it is sent");
}

Result<void> validate_endpoint_headers(const std::vector<Header>& headers) {
  constexpr std::string_view field = "headers";
  if (auto valid = check_headers(headers, field); !valid) return valid;
  const bool has_type = std::any_of(headers.begin(), headers.end(), [](const Header& header) {
    return equal_in_any_case(header.name, "content-type");
  });
  if (!has_type) return {};
  return invalid(field, "content-type belongs to the task, whose body it describes");
}

Result<void> validate(const Endpoint& endpoint) {
  if (auto valid = check_fields(endpoint, ""); !valid) return valid;
  if (auto valid = check_callback(endpoint.callback, endpoint.callback_on); !valid) return valid;
  if (auto valid = check_events(endpoint); !valid) return valid;
  if (auto valid = check_retries(endpoint); !valid) return valid;
  if (auto valid = check_order(endpoint); !valid) return valid;
  if (auto valid = check_auth(endpoint); !valid) return valid;
  return check_pace(endpoint);
}

bool needs_secret(const Endpoint& endpoint) {
  return !endpoint.signing.empty() || !endpoint.auth.empty();
}

Limits limits_of(const Endpoint& endpoint) {
  Limits limits;
  limits.paused = endpoint.paused;
  limits.without_breaker = !endpoint.breaker;
  limits.address = url_hash(endpoint.url);
  limits.ordered = endpoint.ordered;
  if (endpoint.rate) limits.rate = Gcra::of(*endpoint.rate, endpoint.burst);
  limits.concurrency = static_cast<std::size_t>(std::max(endpoint.concurrency.value_or(0), 0));
  return limits;
}

Request default_test_request() {
  Request request;
  request.method = Method::kPost;
  request.body = Body::json(R"({"test":true})");
  return request;
}

}  // namespace rhooks::model
