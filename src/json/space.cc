#include "json/space.h"

#include "json/string_end.h"

namespace rhooks {

std::string without_json_space(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  std::size_t taken = 0;  // what is before it has been looked at and taken over
  std::size_t at = 0;
  while (at < json.size()) {
    switch (json[at]) {
      case '"':
        at = json_string_end(json, at);
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
