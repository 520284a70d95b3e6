#pragma once

#include <rhooks/hooks_api.h>

#include <memory>

#include "cli/rest_client.h"

namespace rhooks::cli {

// The scheduler of a server, through the REST API; slashes at the end of `base` do no harm.
// Connects with the first call. Errors: kInvalidArgument; its calls add kUnavailable where no
// server answers, and kUnknownOutcome where an answer is lost.
Result<std::unique_ptr<HooksApi>> open_remote_hooks(RestClientOptions options);

}  // namespace rhooks::cli
