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

}  // namespace rhooks::model
