#include "aws/environment.h"

#include <strings.h>

#include <cstdlib>

namespace rhooks::aws {

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* const value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::string variable(const Environment& environment, std::string_view name) {
  return environment(name).value_or("");
}

bool is_true(const Environment& environment, std::string_view name) {
  return ::strcasecmp(variable(environment, name).c_str(), "true") == 0;
}

}  // namespace rhooks::aws
