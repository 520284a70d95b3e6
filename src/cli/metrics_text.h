#pragma once

#include <rhooks/hooks_api.h>

#include <optional>
#include <string_view>

namespace rhooks::cli {

// The attempts that a server has made since it started, read from its metrics (Prometheus
// text format 0.0.4); none where they do not name them.
std::optional<TriggerResult> attempts_in(std::string_view metrics);

}  // namespace rhooks::cli
