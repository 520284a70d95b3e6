#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rhooks::bench {

// A load by wrk, one thread.
struct WrkLoad {
  std::string url;
  std::size_t connections = 64;
  double seconds = 3;
  std::string script;  // Lua: wrk.method, wrk.body, request()
};

struct WrkResult {
  double rate = 0;  // requests a second
  std::uint64_t requests = 0;
};

// Throws where wrk is not installed, and where a request failed or was answered otherwise than
// by 2xx or 3xx.
WrkResult run_wrk(const WrkLoad& load);

}  // namespace rhooks::bench
