#include "store/shown_bytes.h"

#include <optional>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "model/fields.h"

namespace rhooks::store {

namespace {

// Names, times, counts, and what is short.
constexpr std::size_t kFrameBytes = 512;

// RFC 8259 section 7: \u00xx, and \" and \\. A byte that is no UTF-8 is shown as U+FFFD, which has
// three, but for those of an answer.
std::size_t quoted(const std::string& text) {
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

std::size_t quoted(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += quoted(text) + 3;
  return bytes;
}

template <model::HasFields T>
std::size_t quoted(const T& object);

// Of what is fixed and small kFrameBytes is enough.
std::size_t quoted(const auto&) {
  return 0;
}

std::size_t quoted(const Body& body) {
  return body.kind() == Body::Kind::kText ? quoted(body.data()) : body.data().size();
}

template <typename T>
std::size_t quoted(const std::optional<T>& value) {
  return value ? quoted(*value) : 0;
}

template <model::HasFields T>
std::size_t quoted(const T& object) {
  std::size_t bytes = 0;
  model::for_each_field<T>([&]<typename F>(const F&) { bytes += quoted(object.*F::kMember); });
  return bytes;
}

// What base64 adds to an answer that is no UTF-8.
std::size_t encoded(const std::string& body) {
  return is_utf8(body) ? 0 : body.size() / 3 + 4;
}

}  // namespace

std::size_t shown_bytes(const Task& task) {
  return kFrameBytes + quoted(task) + encoded(task.execution.last_response_body);
}

std::size_t shown_bytes(const Log& log) {
  return kFrameBytes + quoted(log) + (log.response ? encoded(log.response->body) : 0);
}

}  // namespace rhooks::store
