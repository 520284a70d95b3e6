#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <cstddef>
#include <string>
#include <vector>

#include "delivery/multipart.h"

namespace rhooks::delivery {

// What the members of a body that is a JSON object become in query strings and forms, in order:
// strings and numbers as they are written, true and false by name, null as nothing, and a list as
// its name once for each element. A short text with a long name and a long list would become a
// thousand times its size, so each is held against `bytes_max` as it grows, and no more than that
// is ever copied. Pure. Errors: kInvalidArgument, field "body": no object, nested deeper,
// or more than `bytes_max`.

// NAME=VALUE, joined by '&', with everything percent-encoded that is not unreserved (RFC 3986,
// section 2.3); in a form a space is '+' (WHATWG URL, section 5.2).
Result<std::string> query_of_json(const Body& body, std::size_t bytes_max);
Result<std::string> form_of_json(const Body& body, std::size_t bytes_max);

// The fields of a multipart form. Each counts with what is written around it.
Result<std::vector<FormPart>> fields_of_json(const Body& body, std::size_t bytes_max);

}  // namespace rhooks::delivery
