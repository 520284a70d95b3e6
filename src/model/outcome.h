#pragma once

#include <string>

#include "model/record.h"

namespace rhooks::model {

// Why an attempt failed, in one line of at most kErrorBytesMax bytes of UTF-8; empty where
// it did not. An answer outside 2xx reads "HTTP 503 Service Unavailable".
std::string error_text(const AttemptOutcome& outcome);

// The reason phrase of a status code in the IANA HTTP Status Code Registry; "" if it has none.
const char* reason_phrase(int status);

}  // namespace rhooks::model
