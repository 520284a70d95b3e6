#include "store/shown_bytes.h"

#include <string_view>
#include <vector>

namespace rhooks::store {

namespace {

// Names, times, counts, and what is short.
constexpr std::size_t kFrameBytes = 512;

// RFC 8259 section 7: \u00xx, and \" and \\. A byte that is no UTF-8 is shown as U+FFFD, which has
// three.
std::size_t quoted(std::string_view text) {
  std::size_t bytes = text.size();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bytes += byte < 0x20 ? 5u : byte >= 0x80 ? 2u : 0u;
    bytes += (c == '"' || c == '\\') ? 1u : 0u;
  }
  return bytes;
}

std::size_t quoted(const std::vector<Header>& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) {
    bytes += quoted(header.name) + quoted(header.value) + 8;
  }
  return bytes;
}

std::size_t shown(const Request& request) {
  const std::string& body = request.body.data;
  return quoted(request.url) + quoted(request.headers) +
         (request.body.kind == Body::Kind::kText ? quoted(body) : body.size());
}

}  // namespace

std::size_t shown_bytes(const Task& task) {
  return kFrameBytes + shown(task.request) + quoted(task.errors.last_error) +
         quoted(task.execution.last_response_headers) + quoted(task.execution.last_response_body);
}

std::size_t shown_bytes(const Log& log) {
  std::size_t bytes = kFrameBytes + shown(log.request) + quoted(log.error);
  if (log.response) bytes += quoted(log.response->headers) + quoted(log.response->body);
  return bytes;
}

}  // namespace rhooks::store
