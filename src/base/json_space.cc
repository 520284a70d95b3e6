#include "base/json_space.h"

#include <algorithm>

namespace rhooks {
namespace {

// Behind the closing quote of the string that begins at `at`; the end, if there is none.
std::size_t string_end(std::string_view json, std::size_t at) {
  while (++at < json.size() && json[at] != '"') {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
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
