#pragma once

#include <rhooks/hooks_api.h>

#include "schedule/zones.h"

// What HooksApi::preview() answers, for those that have no store.
namespace rhooks {

// Of what would be registered at `now`. Errors: kInvalidArgument, kUnsupported.
Result<Preview> preview_of(const PreviewQuery& query, const schedule::Zones& zones, TimePoint now);

// Of a task, as it is at `now`.
Result<Preview> preview_of(const Task& task, const PreviewRange& range,
                           const schedule::Zones& zones, TimePoint now);

}  // namespace rhooks
