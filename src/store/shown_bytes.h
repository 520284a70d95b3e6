#pragma once

#include <rhooks/log.h>
#include <rhooks/task.h>

#include <cstddef>

namespace rhooks::store {

// About so many bytes of JSON a task or a log becomes where it is shown, for the bound of a page.
// What a receiver answered may grow to six times its size: each control character does.
std::size_t shown_bytes(const Task& task);
std::size_t shown_bytes(const Log& log);

}  // namespace rhooks::store
