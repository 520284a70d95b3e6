#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "delivery/sender.h"
#include "egress/policy.h"
#include "egress/proxy.h"

namespace rhooks::delivery {

struct CurlSenderOptions {
  std::chrono::milliseconds connect_timeout{10'000};  // name look-up, TCP and TLS
  // The whole attempt; HttpRequest::timeout may be less.
  std::chrono::milliseconds request_timeout{30'000};
  // Requests expected at the same time. Four times as many idle connections are kept, at most
  // 1,024 and a quarter of the descriptors. More may be started: the caller bounds how many.
  std::size_t max_in_flight = 25;
  // PEM file of certificate authorities to trust instead of the system's; empty: the system's.
  std::string ca_file;
  // Where requests may go, and none: anywhere.
  std::shared_ptr<const egress::Policy> egress = {};
  // By way of which all goes; names of hosts are looked up there, so of them nothing is judged but
  // what the URL itself says.
  egress::Proxy proxy = {};
};

// The Sender of production: libcurl's multi interface, driven by an epoll of its own.
//
// HTTP/1.1 with keep-alive, and HTTP/2 where a TLS server offers it. TLS is verified, peer
// and host name. Redirects are not followed, and proxies of the environment, cookies and
// ~/.netrc are not used: what is sent depends on the task alone. A connection that turns out
// closed when it is reused is replaced by libcurl within the attempt, so that a receiver may
// see a request twice (with one webhook-id). One on which anything arrived while it was idle is
// replaced before anything of the request is written.
//
// What its policy of egress refuses is not connected to, whatever the URL looks like: the address
// that is about to be used is judged, before each request. That gives a result with
// HttpResult::refused.
//
// A response whose end did not arrive is no response: the attempt failed, and the error names
// the status. A body is read to 1 MiB and then taken as it is. Errors never show what a URL
// may hide: user name, password, path and query.
//
// Threads, blocking: as Sender says. Owns its connections; destroying it drops what is in
// flight, without results.
class CurlSender final : public Sender {
 public:
  // Errors: kInvalidArgument, field "caFile" (it cannot be read, or has no certificate);
  // kUnavailable (no descriptors, no memory).
  static Result<std::unique_ptr<CurlSender>> create(const CurlSenderOptions& options, Clock& clock);
  ~CurlSender() override;

  CurlSender(const CurlSender&) = delete;
  CurlSender& operator=(const CurlSender&) = delete;

  void start(HttpRequest request) override;
  std::vector<HttpResult> poll(std::chrono::milliseconds max_wait) override;
  void wake() override;
  void cancel_all() override;
  // Started, and not yet returned by poll().
  std::size_t in_flight() const override;

 private:
  class Impl;
  explicit CurlSender(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks::delivery
