#include "delivery/curl_flight.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "delivery/retry_after.h"
#include "model/headers.h"
#include "model/limits.h"
#include "net/curl_error.h"

namespace rhooks::delivery {
namespace {

static_assert(net::kDescriptionBytesMax <= model::kErrorBytesMax);

constexpr const char* kOutOfMemory = "out of memory";

}  // namespace

CurlFlight::CurlFlight(HttpRequest request, TimePoint started_at)
    : request_(std::move(request)),
      started_at_(started_at),
      started_(std::chrono::steady_clock::now()) {}

std::string CurlFlight::set_up(CURL* easy, const net::EasyOptions& options) {
  CURLcode bad = net::set_common_options(easy, options);
  const auto set = [&](CURLoption option, auto value) {
    const auto code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) bad = code;
  };
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_URL, request_.request.url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);  // "/a/../b" is sent as it was registered
  // Without TLS nothing but HTTP/1.1 is spoken. Told so, libcurl does not ask of each connection
  // that is in use whether one more request could share it, which took a third of its time.
  const bool plain = request_.request.url.starts_with("http://");
  set(CURLOPT_HTTP_VERSION,
      static_cast<long>(plain ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_HEADERFUNCTION, &CurlFlight::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlFlight::on_body);
  set(CURLOPT_WRITEDATA, this);
  if (bad != CURLE_OK) return std::string("libcurl refused an option: ") + curl_easy_strerror(bad);

  try {
    if (auto error = set_method_and_body(easy); !error.empty()) return error;
    return set_headers(easy);
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  }
}

std::string CurlFlight::set_method_and_body(CURL* easy) {
  const auto method = request_.request.method;
  const bool posts = method == Method::kPost || method == Method::kPut || method == Method::kPatch;
  if (!request_.multipart.empty() && posts) {
    mime_.reset(curl_mime_init(easy));
    if (!mime_) return kOutOfMemory;
    for (const auto& part : request_.multipart) {
      curl_mimepart* const p = curl_mime_addpart(mime_.get());
      if (!p || curl_mime_name(p, part.name.c_str()) != CURLE_OK ||
          curl_mime_data(p, part.value.data(), part.value.size()) != CURLE_OK) {
        return kOutOfMemory;
      }
    }
    curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime_.get());
  } else if (posts) {
    // libcurl reads the body in place: it is not copied.
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.wire_body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.wire_body.size()));
  } else if (method == Method::kHead) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  }
  if (method == Method::kPut || method == Method::kPatch || method == Method::kDelete) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, to_string(method));
  }
  return {};
}

std::string CurlFlight::set_headers(CURL* easy) {
  bool has_content_type = false;
  bool has_accept = false;
  std::string line;
  for (const auto& header : request_.request.headers) {
    // A line break in a header would let a task write the rest of the request.
    if (!model::is_token(header.name) ||
        std::any_of(header.value.begin(), header.value.end(),
                    [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
      return "a header of the request is malformed";
    }
    if (equal_in_any_case(header.name, "content-type")) {
      has_content_type = true;
      if (mime_) continue;  // libcurl's has the boundary
    }
    has_accept = has_accept || equal_in_any_case(header.name, "accept");
    const auto first = header.value.find_first_not_of(" \t");
    // "Name:" would tell libcurl to leave the header out; "Name;" sends it empty.
    line = header.name;
    if (first == std::string::npos) {
      line += ';';
    } else {
      line.append(": ").append(header.value, first);
    }
    if (!header_lines_.add(line)) return kOutOfMemory;
  }
  // What libcurl would add by itself: the log shows all that was sent.
  if (!has_accept && !header_lines_.add("Accept:")) return kOutOfMemory;
  if (!has_content_type && !mime_ && !header_lines_.add("Content-Type:")) return kOutOfMemory;
  if (!header_lines_.add("Expect:")) return kOutOfMemory;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_lines_.get());
  return {};
}

std::size_t CurlFlight::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<CurlFlight*>(self)->read({data, size * count}, &ResponseReader::header_line);
}

std::size_t CurlFlight::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<CurlFlight*>(self)->read({data, size * count}, &ResponseReader::body_piece);
}

std::size_t CurlFlight::read(std::string_view bytes,
                             bool (ResponseReader::*take)(std::string_view)) noexcept {
  try {
    return (reader_.*take)(bytes) ? bytes.size() : 0;
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
    return 0;
  }
}

HttpResult CurlFlight::result() {
  HttpResult result;
  result.ticket = request_.ticket;
  result.outcome.sent = std::move(request_.request);
  result.outcome.started_at = started_at_;
  result.outcome.duration =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  return result;
}

HttpResult CurlFlight::finish(CURL* easy, CURLcode code, const net::EasyOptions& options) {
  if (out_of_memory_) return fail(kOutOfMemory);
  const bool complete = code == CURLE_OK || reader_.body_too_long();
  if (!complete && reader_.headers_too_long()) {
    return fail("the response's headers are longer than " +
                std::to_string(ResponseReader::kHeaderReadBytesMax) + " bytes");
  }
  if (complete && reader_.status() == 0) {
    // libcurl takes the end of the connection within the headers for the end of them, and that of
    // an HTTP/2 session for the end of the response.
    return fail(net::host_and_port(request_.request.url) +
                (reader_.begun() ? " closed the connection within the headers of its response"
                                 : " closed the connection without a response"));
  }
  if (!complete) {
    net::CurlFailure failure;
    failure.easy = easy;
    failure.code = code;
    failure.details = error_.data();
    failure.url = request_.request.url;
    failure.status = reader_.status();
    failure.connect_timeout = options.connect_timeout;
    failure.request_timeout = options.request_timeout;
    return fail(net::describe(failure));
  }
  std::optional<Response> response;
  try {
    response = reader_.take();
  } catch (const std::bad_alloc&) {
    return fail(kOutOfMemory);
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

HttpResult CurlFlight::fail(std::string error) {
  auto result = this->result();
  result.outcome.error = std::move(error);
  return result;
}

HttpResult CurlFlight::cancel() {
  auto result = this->result();
  result.cancelled = true;
  result.outcome.error = "the attempt was cut off";
  return result;
}

}  // namespace rhooks::delivery
