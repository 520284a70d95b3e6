#include "base/text.h"

#include "base/utf8.h"

namespace rhooks {
namespace {

constexpr std::size_t kQuotedBytesMax = 40;

}  // namespace

std::string quote(std::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  return '"' + one_line(text, kQuotedBytesMax) + (cut ? "…\"" : "\"");
}

std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace rhooks
