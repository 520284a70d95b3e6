#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>
#include <vector>

// What stands in the place of a credential wherever a request or an answer is shown or logged.
//
// A placeholder reads "[redacted 6f1c9a0b12e45d78]", by the first 8 bytes of the value's
// HMAC-SHA-256 (RFC 2104). So equal values can be told from others, and short ones cannot be
// guessed by whoever lacks the key. Without a key it reads "[redacted]".
namespace rhooks::model {

// Whether the values of headers of that name are credentials: authorization and
// proxy-authorization (RFC 9110, section 11), cookie and set-cookie (RFC 6265),
// webhook-signature (Standard Webhooks), x-api-key and x-auth-token.
bool is_credential(std::string_view name);

std::string placeholder_of(std::string_view value, std::string_view key);
bool is_placeholder(std::string_view value);

// Whether redact() would change one of them.
bool has_credentials(const std::vector<Header>& headers);
void redact(std::vector<Header>& headers, std::string_view key);
// Whether there is anything to restore.
bool has_placeholders(const std::vector<Header>& headers);

// Of headers that are to be stored: puts the value of `stored` in the place of each placeholder
// that stands for it under its name. Errors: kInvalidArgument, with that field, for one that stands
// for none of them.
Result<void> restore_redacted(std::vector<Header>& headers, const std::vector<Header>& stored,
                              std::string_view key, std::string_view field = "headers");
// The same for what takes the place of `stored`. A value is kept only where it goes to the same
// receiver (the endpoint, or the scheme, host and port of the URL, as they are written), so that
// who may write and not read cannot have it sent to himself.
Result<void> restore_redacted(Spec& spec, const Spec& stored, std::string_view key);
Result<void> restore_redacted(Endpoint& endpoint, const Endpoint& stored, std::string_view key);
// The same of what takes the place of nothing.
Result<void> refuse_redacted(const std::vector<Header>& headers);

}  // namespace rhooks::model
