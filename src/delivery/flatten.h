#pragma once

#include <rhooks/result.h>

#include <string_view>
#include <vector>

#include "delivery/sender.h"

namespace rhooks::delivery {

// The members of a JSON object as named texts, in order, for query strings and forms:
// strings and numbers as they are written, true and false by name, null as nothing, and a
// list as its name once for each element. Pure.
// `use` says in error messages what the body is for, such as "a form". Errors:
// kInvalidArgument, field "request.body", for anything that is no object, or nested deeper.
Result<std::vector<FormPart>> flatten_json(std::string_view json, std::string_view use);

// The parts joined by '&' with everything percent-encoded that is not unreserved
// (RFC 3986, section 2.3). A space is %20, or '+' in a form (WHATWG URL, section 5.2).
enum class Encoding { kQuery, kForm };
std::string url_encode(const std::vector<FormPart>& parts, Encoding encoding);

}  // namespace rhooks::delivery
