#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rhooks::aws {

// The value of an environment variable; none where it is not set. Tests pass their own, so that
// none has to change that of the process. Threads: may be called from any thread.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

Environment process_environment();

// The value, or "" where it is not set: to AWS's tools an empty variable is one that is not set.
std::string variable(const Environment& environment, std::string_view name);

// Whether it is "true", in any case.
bool is_true(const Environment& environment, std::string_view name);

}  // namespace rhooks::aws
