#pragma once

#include <rhooks/result.h>

#include <string>
#include <utility>

namespace rhooks::aws {

// Nothing is set up at this place, so the next one is asked.
inline tl::unexpected<Error> not_set_up(std::string why) {
  return fail(ErrorCode::kNotFound, std::move(why));
}

// Something is set up there, and no credentials come of it.
inline tl::unexpected<Error> unusable(std::string why) {
  return fail(ErrorCode::kUnavailable, std::move(why));
}

}  // namespace rhooks::aws
