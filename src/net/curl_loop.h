#pragma once

#include <curl/curl.h>
#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "egress/policy.h"
#include "net/easy_handle.h"
#include "net/name_lookups.h"

namespace rhooks::net {

// How many files and connections this process may have open.
std::size_t descriptors_max();

// Whether it is we who end a transfer, and why.
enum class CutOff {
  kNot,
  kTooMuch,     // arrived on its connection
  kNotAllowed,  // nothing may be sent to where it leads
  kRefused,     // HTTP/2: the other side refused it, and once more
};

// An address to which nothing may be sent, and why (egress::refusal).
struct NotAllowed {
  std::string_view why;
  egress::Ip address{};
};

// A transfer that ended, well or not. It has left the loop; what curl_easy_getinfo() tells of
// it is there until the handle is given back.
struct EndedTransfer {
  CURL* easy = nullptr;
  CURLcode code = CURLE_OK;
};

// Drives many transfers at once: libcurl's multi interface over an epoll of its own.
//
// Connections are kept and used again. One on which anything arrived while it was idle is not: its
// transfer moves to a new one before anything of the request is written (src/net/sockets.h). To
// what this process listens on (net/own_listeners.h), and to addresses that a policy of egress
// refuses, none is opened, and none that is kept is used.
//
// Use: take_handle(), set it up, add(); run() until it comes back; give_handle_back(). What an
// easy handle reads from and writes to must live until it came back or was removed. Leave
// CURLOPT_PRIVATE and the options that Sockets::set_up() names as they are.
//
// Threads: one thread at a time calls everything but wake(), which any may call.
// Blocking: run() only.
// Owns its handles and connections. Handles that were added must be removed, and all given
// back, before it is destroyed.
class CurlLoop {
 public:
  static constexpr std::uint64_t kNoIntakeMax = std::uint64_t{1} << 48;
  struct Options {
    std::size_t connections_max = 16;  // that are idle and kept
    // A transfer for which some more bytes arrive, of whatever kind, is ended.
    std::uint64_t intake_max = kNoIntakeMax;
    NameLookups::Options names = {};
    // Judges the addresses of transfers that are added with a URL, but for those by way of a proxy.
    // Null: each may be used.
    std::shared_ptr<const egress::Policy> egress = {};
  };

  // Errors: kUnavailable (no descriptors, no memory).
  static Result<std::unique_ptr<CurlLoop>> create(const Options& options);
  ~CurlLoop();

  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // A fresh or reset handle; null: out of memory.
  CURL* take_handle();
  void give_handle_back(CURL* easy);
  // How often the handle's request was put on a connection: 0 where none was made, 2 or more where
  // libcurl found a kept connection closed and took another. Each but the last time it may have
  // arrived, and its answer been lost. Until the handle is given back.
  static int sends(CURL* easy);
  // Whether its transfer was ended by the loop. Likewise.
  static CutOff cut_off(CURL* easy);
  // The first of the addresses that CutOff::kNotAllowed is about. Likewise.
  static const NotAllowed& not_allowed(CURL* easy);

  // Starts the transfer. Another code than CURLM_OK: it was not started.
  CURLMcode add(CURL* easy);
  // The same of one of many, of this URL and with these limits. The addresses of its host are
  // looked up first (net/name_lookups.h), and the wait for them counts; libcurl does that itself
  // with a thread for each. By way of a proxy it is the proxy's name that is looked up.
  CURLMcode add(CURL* easy, const std::string& url, const EasyOptions& limits);
  // Drops a transfer that was added and has not come back.
  void remove(CURL* easy);

  // Waits until a transfer ends, wake() is called or the time is over, and gives those that
  // ended. Does what can be done without waiting even if the time is 0.
  std::vector<EndedTransfer> run(std::chrono::milliseconds max_wait);
  // Those that ended already, without doing anything.
  std::vector<EndedTransfer> take_ended();
  void wake();

 private:
  class Impl;
  explicit CurlLoop(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks::net
