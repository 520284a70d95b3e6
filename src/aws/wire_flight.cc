#include "aws/wire_flight.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "net/curl_error.h"
#include "net/curl_loop.h"

namespace rhooks::aws {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 * 1024;

// The value of a header line where it has that name.
bool is_header(std::string_view line, std::string_view name, std::string& value) {
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  if (!equal_in_any_case(line.substr(0, name.size()), name)) return false;
  value = trim(line.substr(name.size() + 1));
  return true;
}

}  // namespace

WireFlight::WireFlight(WireRequest request, TimePoint started_at)
    : request_(std::move(request)), started_(std::chrono::steady_clock::now()) {
  result_.sent_at = started_at;
}

std::string WireFlight::set_up(CURL* easy, const std::string& url,
                               const net::EasyOptions& options) {
  url_ = &url;
  connect_timeout_ = options.connect_timeout;
  request_timeout_ = options.request_timeout;
  CURLcode bad = net::set_common_options(easy, options);
  const auto set = [&](CURLoption option, auto value) {
    const auto code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) bad = code;
  };
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_USERAGENT, "rhooks");
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDS, request_.body.data());  // read in place, not copied
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  set(CURLOPT_HEADERFUNCTION, &WireFlight::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &WireFlight::on_body);
  set(CURLOPT_WRITEDATA, this);
  std::string error;
  if (!add_headers(error)) return error;
  set(CURLOPT_HTTPHEADER, lines_.get());
  if (bad != CURLE_OK) return std::string("libcurl refused an option: ") + curl_easy_strerror(bad);
  return {};
}

bool WireFlight::add_headers(std::string& error) {
  error = "out of memory";
  for (const Header& header : request_.headers()) {
    // A line break, say in a token from a file, would let it write the rest of the request.
    if (header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      error = "the header " + header.name + " holds a line break; look at the credentials";
      return false;
    }
    if (!lines_.add(header.name + ": " + header.value)) return false;
  }
  return lines_.add("Accept:") && lines_.add("Expect:");
}

std::size_t WireFlight::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& flight = *static_cast<WireFlight*>(self);
  const std::string_view line(data, size * count);
  flight.header_bytes_ += line.size();
  if (flight.header_bytes_ > kHeaderBytesMax) {
    flight.too_long_ = true;
    return 0;
  }
  flight.header_line(line);
  return line.size();
}

void WireFlight::header_line(std::string_view line) {
  // Of an interim answer (1xx) nothing is kept.
  if (line.starts_with("HTTP/")) {
    result_.date.clear();
    result_.crc32.clear();
  }
  if (!is_header(line, "date", result_.date)) is_header(line, "x-amz-crc32", result_.crc32);
}

std::size_t WireFlight::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& flight = *static_cast<WireFlight*>(self);
  std::string& body = flight.result_.body;
  if (body.size() + size * count > WireResult::kAnswerBytesMax) {
    flight.too_long_ = true;
    return 0;
  }
  body.append(data, size * count);
  return size * count;
}

WireResult WireFlight::finish(CURL* easy, CURLcode code, TimePoint now) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  result_.status = static_cast<int>(status);
  result_.sends = net::CurlLoop::sends(easy);
  if (code == CURLE_OK && status != 0) return end(WireResult::End::kAnswered, now);
  if (too_long_) {
    result_.failure =
        "the answer is longer than " + std::to_string(WireResult::kAnswerBytesMax / (1024 * 1024)) +
        " MiB, or its headers than " + std::to_string(kHeaderBytesMax / 1024) + " KiB";
    return end(WireResult::End::kTooLong, now);
  }
  net::CurlFailure failure;
  failure.easy = easy;
  failure.code = code;
  failure.details = error_.data();
  failure.url = *url_;
  failure.status = result_.status;
  failure.connect_timeout = connect_timeout_;
  failure.request_timeout = request_timeout_;
  // libcurl takes the end of the connection within the headers for the end of them.
  result_.failure = code == CURLE_OK ? net::host_and_port(*url_) +
                                           " closed the connection within the headers of its answer"
                                     : net::describe(failure);
  return end(
      code == CURLE_OPERATION_TIMEDOUT ? WireResult::End::kTimedOut : WireResult::End::kFailed,
      now);
}

WireResult WireFlight::not_sent(std::string why, TimePoint now) {
  result_.failure = std::move(why);
  return end(WireResult::End::kFailed, now);
}

WireResult WireFlight::stop(CURL* easy, TimePoint now) {
  result_.sends = net::CurlLoop::sends(easy);
  return end(WireResult::End::kStopped, now);
}

WireResult WireFlight::end(WireResult::End end, TimePoint now) {
  result_.end = end;
  result_.ended_at = now;
  result_.duration =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  if (end != WireResult::End::kAnswered) result_.body.clear();
  return std::move(result_);
}

}  // namespace rhooks::aws
