#pragma once

#include <rhooks/hooks_api.h>

#include <chrono>
#include <memory>
#include <string>

namespace rhooks::cli {

struct RemoteOptions {
  std::string server;   // "http://127.0.0.1:8090"
  std::string api_key;  // sent as a Bearer token; empty: none is sent
  std::string ca_file;  // empty: the system's certificate authorities
  std::chrono::milliseconds connect_timeout{10'000};
};

// The scheduler of a server, through the REST API. Connects with the first call. Errors:
// kInvalidArgument; its calls add kUnavailable where no server answers, and kUnknownOutcome where
// an answer is lost.
Result<std::unique_ptr<HooksApi>> open_remote_hooks(RemoteOptions options);

}  // namespace rhooks::cli
