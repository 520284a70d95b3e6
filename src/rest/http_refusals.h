#pragma once

// Private to http_session.cc: what the server itself says.

#include <boost/beast/core/error.hpp>
#include <string>

namespace rhooks::rest {

struct Refusal {
  int status;
  const char* detail;
};

// The answer to a request that the parser could not read.
Refusal refusal_of(const boost::beast::error_code& ec);

// Now, as the Date header has it (RFC 9110 section 5.6.7).
std::string http_date();

}  // namespace rhooks::rest
