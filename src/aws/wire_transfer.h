#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "aws/wire.h"
#include "net/exchange.h"

namespace rhooks::aws {

// One request to AWS on the wire. Included by wire.cc only.
class WireTransfer final : public net::Exchange {
 public:
  WireTransfer(WireRequest request, TimePoint started_at);

  // Each gives the one result.
  WireResult finish(CURLcode code, TimePoint now);
  WireResult not_sent(std::string why, TimePoint now);
  WireResult stop(TimePoint now);

 private:
  std::string prepare() override;
  bool take_header(std::string_view line) override;
  bool take_body(std::string_view piece) override;
  WireResult end(WireResult::End end, TimePoint now);

  const WireRequest request_;
  const std::chrono::steady_clock::time_point started_;
  WireResult result_;
  std::size_t header_bytes_ = 0;
  bool too_long_ = false;
};

}  // namespace rhooks::aws
