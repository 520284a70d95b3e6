#include "delivery/response_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "delivery/content_coding.h"
#include "model/headers.h"
#include "model/limits.h"

namespace rhooks::delivery {
namespace {

std::string_view without_ends(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = s.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

bool ResponseReader::header_line(std::string_view line) {
  header_bytes_read_ += line.size();
  if (header_bytes_read_ > kHeaderReadBytesMax) {
    headers_too_long_ = true;
    return false;
  }
  if (headers_done_) return true;  // a trailer
  if (line.starts_with("HTTP/")) {
    status_line(line);
  } else if (without_ends(line).empty()) {
    // 101 answers a request to switch protocols, which is never made: it is final.
    const int status = response_.status;
    headers_done_ = status == 101 || status >= 200;
  } else {
    keep_header(line);
  }
  return true;
}

bool ResponseReader::body_piece(std::string_view piece) {
  body_bytes_read_ += piece.size();
  const auto kept_max = codings_.empty() ? model::kResponseBodyBytesMax : kCodedBytesMax;
  const auto room = kept_max - response_.body.size();
  response_.body.append(piece.substr(0, room));
  if (piece.size() > room) response_.body_truncated = true;
  body_too_long_ = body_bytes_read_ > model::kResponseReadBytesMax;
  return !body_too_long_;
}

Response ResponseReader::take() {
  constexpr auto kMax = model::kResponseBodyBytesMax;
  if (auto decoded = decode_content(codings_, response_.body, kMax)) {
    response_.body = std::move(decoded->bytes);
    response_.body_truncated = response_.body_truncated || !decoded->whole;
  } else if (response_.body.size() > kMax) {
    response_.body.resize(kMax);
    response_.body_truncated = true;
  }
  return std::move(response_);
}

void ResponseReader::status_line(std::string_view line) {
  response_ = {};  // what came before was an interim response
  codings_.clear();
  header_bytes_kept_ = 0;
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return;
  for (const char c : line.substr(space + 1, 3)) {
    if (c < '0' || c > '9') return;
    response_.status = response_.status * 10 + (c - '0');
  }
}

void ResponseReader::keep_header(std::string_view line) {
  const auto colon = line.find(':');
  // A line that begins with a space goes on with the value before it, which RFC 9112,
  // section 5.2, forbids servers to send.
  if (colon == std::string_view::npos || line.front() == ' ' || line.front() == '\t') return;
  const auto name = without_ends(line.substr(0, colon));
  const auto value = without_ends(line.substr(colon + 1));
  if (name.empty()) return;
  const auto kept = header_bytes_kept_ + name.size() + value.size();
  if (kept > model::kResponseHeaderBytesMax) return;
  header_bytes_kept_ = kept;
  if (equal_in_any_case(name, "content-encoding")) codings_.append(value).append(",");
  response_.headers.push_back({std::string(name), std::string(value)});
}

}  // namespace rhooks::delivery
