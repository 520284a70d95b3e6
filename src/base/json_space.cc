#include "base/json_space.h"

#include <algorithm>

namespace rhooks {
namespace {

// Behind the closing quote of the string that begins at `at`; the end, if there is none.
std::size_t string_end(std::string_view json, std::size_t at) {
  for (std::size_t begin = at + 1;; begin = at + 1) {
    at = json.find('"', begin);
    if (at == std::string_view::npos) return json.size();
    std::size_t escapes = 0;
    while (at - escapes > begin && json[at - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return at + 1;
  }
}

}  // namespace

std::string without_json_space(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  std::size_t taken = 0;  // what is before it has been looked at and taken over
  std::size_t at = 0;
  while (at < json.size()) {
    switch (json[at]) {
      case '"':
        at = string_end(json, at);
        break;
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        out += json.substr(taken, at - taken);
        taken = ++at;
        break;
      default:
        ++at;
    }
  }
  out += json.substr(taken);
  return out;
}

}  // namespace rhooks
