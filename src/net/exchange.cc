#include "net/exchange.h"

#include <algorithm>
#include <new>

#include "net/curl_error.h"

namespace rhooks::net {
namespace {

constexpr const char* kOutOfMemory = "out of memory";
constexpr int kFinalStatus = 200;  // and above: of an answer that is no interim one

}  // namespace

std::string Exchange::set_up(CURL* easy, const std::string& url, const EasyOptions& options) {
  easy_ = easy;
  url_ = &url;
  options_ = &options;
  refused_ = set_common_options(easy, options);
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);  // "/a/../b" is sent as it was given
  set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's tunnel is no part of the answer
  try {
    if (auto error = prepare(); !error.empty()) return error;
    leave_out("Expect");  // an answer to it would only cost a round trip
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  }
  set(CURLOPT_HTTPHEADER, lines_.get());
  if (refused_ == CURLE_OK) return {};
  return std::string("libcurl refused an option: ") + curl_easy_strerror(refused_);
}

void Exchange::set_body(std::string_view body) {
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
}

bool Exchange::add_header(std::string_view name, std::string_view value) {
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos) return false;
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  // "Name:" would tell libcurl to leave the header out; "Name;" sends it empty.
  line_ = name;
  line_.append(value.empty() ? ";" : ": ").append(value);
  add_line();
  return true;
}

void Exchange::leave_out(std::string_view name) {
  line_ = name;
  line_ += ':';
  add_line();
}

void Exchange::add_line() {
  curl_slist* const list = curl_slist_append(lines_.get(), line_.c_str());
  if (!list) throw std::bad_alloc();
  if (!lines_) lines_.reset(list);
}

std::size_t Exchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view line(data, size * count);
  exchange.begun_ = true;
  // Behind those of the final answer come trailers only.
  if (!exchange.headers_ended_ || exchange.status() < kFinalStatus) {
    if (line.starts_with("HTTP/")) exchange.headers_ended_ = false;
    if (line == "\r\n" || line == "\n") exchange.headers_ended_ = true;
  }
  return exchange.take(line, &Exchange::take_header);
}

std::size_t Exchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Exchange*>(self)->take({data, size * count}, &Exchange::take_body);
}

std::size_t Exchange::take(std::string_view bytes,
                           bool (Exchange::*taker)(std::string_view)) noexcept {
  try {
    return (this->*taker)(bytes) ? bytes.size() : 0;
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
    return 0;
  }
}

bool Exchange::is_answered(CURLcode code) const {
  return code == CURLE_OK && headers_ended_ && status() >= kFinalStatus;
}

int Exchange::status() const {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::string Exchange::failure(CURLcode code, int status) const {
  if (out_of_memory_) return kOutOfMemory;
  // libcurl takes the end of the connection within the headers for the end of them, and that of an
  // HTTP/2 session for the end of the response.
  if (code == CURLE_OK) {
    return host_and_port(*url_) + (begun_
                                       ? " closed the connection within the headers of its response"
                                       : " closed the connection without a response");
  }
  CurlFailure failed;
  failed.easy = easy_;
  failed.code = code;
  failed.details = error_.data();
  failed.url = *url_;
  failed.by_proxy = by_proxy();
  failed.status = status;
  failed.connect_timeout = options_->connect_timeout;
  failed.request_timeout = options_->request_timeout;
  return describe(failed);
}

}  // namespace rhooks::net
