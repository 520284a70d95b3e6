#include "delivery/curl_transfer.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "delivery/retry_after.h"
#include "egress/policy.h"
#include "model/headers.h"
#include "model/limits.h"
#include "net/curl_error.h"

namespace rhooks::delivery {

static_assert(net::kDescriptionBytesMax <= model::kErrorBytesMax);

CurlTransfer::CurlTransfer(HttpRequest request, TimePoint started_at)
    : request_(std::move(request)),
      started_at_(started_at),
      started_(std::chrono::steady_clock::now()) {}

const net::EasyOptions& CurlTransfer::options(const net::EasyOptions& of_all) {
  if (!request_.timeout || *request_.timeout >= of_all.request_timeout) return of_all;
  own_options_ = of_all;
  // libcurl takes 0 for "no limit".
  own_options_->request_timeout = std::max(*request_.timeout, std::chrono::milliseconds{1});
  return *own_options_;
}

std::string CurlTransfer::prepare() {
  // Without TLS nothing but HTTP/1.1 is spoken. Told so, libcurl does not ask of each connection
  // that is in use whether one more request could share it, which took a third of its time.
  const bool plain = request_.request.url.starts_with("http://");
  set(CURLOPT_HTTP_VERSION,
      static_cast<long>(plain ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  set_method_and_body();
  return add_headers() ? "" : "a header of the request is malformed";
}

void CurlTransfer::set_method_and_body() {
  const auto method = request_.request.method;
  const bool posts = method == Method::kPost || method == Method::kPut || method == Method::kPatch;
  if (posts) {
    set_body(request_.wire_body);
  } else if (method == Method::kHead) {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  if (method == Method::kPut || method == Method::kPatch || method == Method::kDelete) {
    set(CURLOPT_CUSTOMREQUEST, to_string(method));
  }
}

const std::string& CurlTransfer::sent_value(const Header& header) const {
  for (const Header& secret : request_.secret_headers) {
    if (equal_in_any_case(secret.name, header.name)) return secret.value;
  }
  return header.value;
}

// False: one is malformed.
bool CurlTransfer::add_headers() {
  bool has_content_type = false;
  bool has_accept = false;
  for (const auto& header : request_.request.headers) {
    if (!model::is_token(header.name)) return false;
    has_content_type = has_content_type || equal_in_any_case(header.name, "content-type");
    has_accept = has_accept || equal_in_any_case(header.name, "accept");
    if (!add_header(header.name, sent_value(header))) return false;
  }
  // What libcurl would add by itself: the log shows all that was sent.
  if (!has_accept) leave_out("Accept");
  if (!has_content_type) leave_out("Content-Type");
  return true;
}

HttpResult CurlTransfer::result() {
  HttpResult result;
  result.slot_id = request_.slot_id;
  result.outcome.sent = std::move(request_.request);
  result.outcome.started_at = started_at_;
  result.outcome.duration =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  return result;
}

HttpResult CurlTransfer::finish(CURLcode code) {
  const bool complete = code == CURLE_OK || reader_.body_too_long();
  if (!complete && reader_.headers_too_long()) {
    return fail("the response's headers are longer than " +
                std::to_string(ResponseReader::kHeaderReadBytesMax) + " bytes");
  }
  if (!complete && by_proxy()) return finish_at_proxy(code);
  if (!complete || reader_.status() == 0) return fail(failure(code, reader_.status()));
  std::optional<Response> response;
  try {
    response = reader_.take();
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  }
  auto result = this->result();
  auto& outcome = result.outcome;
  outcome.response = std::move(response);
  if (!outcome.response->ok()) {
    // Not libcurl's: it asks the machine's clock, which need not be the scheduler's, and takes
    // that of an interim response for the final one's.
    outcome.retry_after = retry_after_of(*outcome.response, outcome.ended_at());
  }
  return result;
}

// What a proxy said is not the receiver's answer, and that it could not reach that is.
HttpResult CurlTransfer::finish_at_proxy(CURLcode code) {
  auto result = fail(failure(code, reader_.status()));
  switch (net::proxy_fault(easy(), code)) {
    case net::ProxyFault::kNone:
      break;
    case net::ProxyFault::kRefuses:
      result.refused = Refused{"proxy", {}};
      break;
    case net::ProxyFault::kAway:
      result.no_way_out = true;
      break;
  }
  return result;
}

HttpResult CurlTransfer::fail(std::string error) {
  auto result = this->result();
  result.outcome.error = std::move(error);
  return result;
}

HttpResult CurlTransfer::refuse(Refused refused) {
  auto result = fail(egress::describe(refused.why, egress::target_of(request_.request.url)));
  result.refused = std::move(refused);
  return result;
}

HttpResult CurlTransfer::cancel() {
  auto result = this->result();
  result.cancelled = true;
  result.outcome.error = "the attempt was cut off";
  return result;
}

}  // namespace rhooks::delivery
