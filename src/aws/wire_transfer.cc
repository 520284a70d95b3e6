#include "aws/wire_transfer.h"

#include <utility>

#include "base/ascii.h"
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

WireTransfer::WireTransfer(WireRequest request, TimePoint started_at)
    : request_(std::move(request)), started_(std::chrono::steady_clock::now()) {
  result_.sent_at = started_at;
}

std::string WireTransfer::prepare() {
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_USERAGENT, "rhooks");
  set_body(request_.body);
  for (const Header& header : request_.headers()) {
    if (add_header(header.name, header.value)) continue;
    // Of a token from a file, say.
    return "the header " + header.name + " holds a line break; look at the credentials";
  }
  leave_out("Accept");
  return {};
}

bool WireTransfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  too_long_ = header_bytes_ > kHeaderBytesMax;
  // Of an interim answer (1xx) nothing is kept.
  if (line.starts_with("HTTP/")) {
    result_.date.clear();
    result_.crc32.clear();
  }
  if (!is_header(line, "date", result_.date)) is_header(line, "x-amz-crc32", result_.crc32);
  return !too_long_;
}

bool WireTransfer::take_body(std::string_view piece) {
  too_long_ = result_.body.size() + piece.size() > WireResult::kAnswerBytesMax;
  if (!too_long_) result_.body.append(piece);
  return !too_long_;
}

WireResult WireTransfer::finish(CURLcode code, TimePoint now) {
  result_.status = status();
  result_.sends = net::CurlLoop::sends(easy());
  if (is_answered(code)) return end(WireResult::End::kAnswered, now);
  if (too_long_) {
    result_.failure =
        "the answer is longer than " + std::to_string(WireResult::kAnswerBytesMax / (1024 * 1024)) +
        " MiB, or its headers than " + std::to_string(kHeaderBytesMax / 1024) + " KiB";
    return end(WireResult::End::kTooLong, now);
  }
  result_.failure = failure(code, result_.status);
  return end(
      code == CURLE_OPERATION_TIMEDOUT ? WireResult::End::kTimedOut : WireResult::End::kFailed,
      now);
}

WireResult WireTransfer::not_sent(std::string why, TimePoint now) {
  result_.failure = std::move(why);
  return end(WireResult::End::kFailed, now);
}

WireResult WireTransfer::stop(TimePoint now) {
  result_.sends = net::CurlLoop::sends(easy());
  return end(WireResult::End::kStopped, now);
}

WireResult WireTransfer::end(WireResult::End end, TimePoint now) {
  result_.end = end;
  result_.ended_at = now;
  result_.duration =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  if (end != WireResult::End::kAnswered) result_.body.clear();
  return std::move(result_);
}

}  // namespace rhooks::aws
