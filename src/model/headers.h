#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace rhooks::model {

// Of credentials (RFC 9110, section 11.6.2).
inline constexpr std::string_view kAuthorization = "authorization";

// The one place that says which headers a task may have. Registration refuses the others; a
// request is built and sent by the same rules.

// Whether `text` is a token (RFC 9110, section 5.6.2), as the name of a header is.
bool is_token(std::string_view text);

// Why a header is not the task's to set; nullptr if it is.
const char* reserved_because(std::string_view name);

// Number, size, names and values of a task's headers. A header that a request has once, such as
// Content-Type, may be given once. Errors: kInvalidArgument, field "headers".
Result<void> validate_headers(const std::vector<Header>& headers);
// The same of headers that stand in another field.
Result<void> check_headers(const std::vector<Header>& headers, std::string_view field);

// All of that name, in any case.
void remove_header(std::vector<Header>& headers, std::string_view name);
// `headers` and `over`, which takes the place of those that have its names.
std::vector<Header> merged(std::vector<Header> headers, const std::vector<Header>& over);

}  // namespace rhooks::model
