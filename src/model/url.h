#pragma once

#include <rhooks/result.h>

#include <string_view>

namespace rhooks::model {

// Whether a webhook can be sent to this URL: RFC 3986, with "[" and "]" in the query as they
// are, as browsers (WHATWG URL, section 4.4) and libcurl send them. What is accepted here the
// sender takes: src/delivery/url_agreement_test.cc holds the two against each other.
//
// A host is an IPv6 address in brackets, an IPv4 address in any form that libcurl takes (1.2.3.4,
// 0x7f.1), or a name: labels of letters, digits, "-" and "_", 63 bytes each and 253 in all (RFC
// 1035, section 2.3.4), with a dot at its end or without. Names beyond ASCII are written in
// punycode.
//
// Errors: kInvalidArgument, field "url". The message names a character that is out of place, and
// its place, counted in characters from 1; it shows nothing else of the URL but its host.
Result<void> validate_url(std::string_view url);

// What comes behind the URL of an endpoint: its path from "/" on, a query from "?" on, or both.
bool is_url_rest(std::string_view url);
// Whether it is that, or empty. Errors as above.
Result<void> validate_url_rest(std::string_view rest);
// Whether it is a URL, what comes behind one, or empty. Errors as above.
Result<void> validate_target(std::string_view url);

}  // namespace rhooks::model
