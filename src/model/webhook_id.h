#pragma once

#include <rhooks/task.h>

#include <string>

namespace rhooks::model {

// The same for every attempt of one occurrence, different for every other occurrence:
// "msg_" and 32 hexadecimal digits of SHA-256 over (namespace, id, nominal time in ms); of one that
// is not of a series, and of an extra one, also which one it is.
std::string webhook_id(const Task& task);

}  // namespace rhooks::model
