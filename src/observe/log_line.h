#pragma once

#include <string>
#include <string_view>

#include "observe/logging.h"

// The text of a log line, apart from where it goes.
namespace rhooks::log {

// `warn  message name=value name="value with spaces"`: what follows the time.
std::string text_line(Level level, std::string_view message, Fields fields);

// `"level":"warn","msg":"message","name":"value"`: what follows "ts" in the object.
std::string json_members(Level level, std::string_view message, Fields fields);

}  // namespace rhooks::log
