#pragma once

#include <rhooks/hooks_api.h>

#include <functional>
#include <string>

namespace rhooks {

// What is to become of an endpoint; may be called more than once.
using EndpointEdit = std::function<Result<Endpoint>(Endpoint)>;

// Reads an endpoint, edits it, and puts it in the place of what was read; where others change it in
// between, again. With `if_revision` it changes that revision only. Errors: those of
// HooksApi::put_endpoint(), kNotFound, and what `edit` returned. Safe to retry if the edit is.
Result<Endpoint> change_endpoint(HooksApi& hooks, const std::string& ns, const std::string& name,
                                 const std::string& if_revision, const EndpointEdit& edit);

}  // namespace rhooks
