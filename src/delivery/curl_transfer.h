#pragma once

#include <curl/curl.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "delivery/response_reader.h"
#include "delivery/sender.h"
#include "net/exchange.h"

namespace rhooks::delivery {

// One request of a task on the wire.
class CurlTransfer final : public net::Exchange {
 public:
  CurlTransfer(HttpRequest request, TimePoint started_at);

  const std::string& url() const { return request_.request.url; }
  // Those of all requests, with its own limit where it has one. They must outlive it.
  const net::EasyOptions& options(const net::EasyOptions& of_all);

  // Each gives the one result; the request is moved into it.
  HttpResult finish(CURLcode code);
  HttpResult fail(std::string error);
  HttpResult cancel();
  HttpResult refuse(Refused refused);

 private:
  std::string prepare() override;
  bool take_header(std::string_view line) override { return reader_.header_line(line); }
  bool take_body(std::string_view piece) override { return reader_.body_piece(piece); }
  void set_method_and_body();
  bool add_headers();
  const std::string& sent_value(const Header& header) const;
  HttpResult result();
  HttpResult finish_at_proxy(CURLcode code);

  HttpRequest request_;
  std::optional<net::EasyOptions> own_options_;
  const TimePoint started_at_;
  const std::chrono::steady_clock::time_point started_;
  ResponseReader reader_;
};

}  // namespace rhooks::delivery
