#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <string>

#include "delivery/sender.h"
#include "model/record.h"
#include "secrets/credentials.h"

namespace rhooks::delivery {

// What is sent for the current occurrence of a task, as docs/semantics.md describes:
// method, URL with merged query, the task's headers, webhook-id, webhook-timestamp
// (epoch seconds of `now`), user-agent and content-type where the task sets none.
// `endpoint`: that of the task, if it has one; the task's URL is then what comes behind that of the
// endpoint, whose headers and time limit hold where the task has none of its own.
// `credentials`: of the endpoint. What they make, authorization and webhook-signature, is in
// HttpRequest::secret_headers alone, and takes the place of what the task has.
// Pure. Errors: kInvalidArgument, field "body" or "url", where body and
// content type do not fit (checked at registration, so a stored task does not fail here, unless the
// endpoint's URL makes that of the request too long).
Result<HttpRequest> build_request(const Task& task, TimePoint now,
                                  const Endpoint* endpoint = nullptr,
                                  const secrets::Credentials& credentials = {});

// Whether build_request would accept the body, of a request that is valid otherwise
// (model::validate), without building anything. Its errors are those of build_request.
Result<void> check_body_fits(const Request& request);

}  // namespace rhooks::delivery
