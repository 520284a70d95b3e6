#pragma once

#include <curl/curl.h>
#include <rhooks/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/curl_loop.h"

namespace rhooks::net {

// A descriptor that is closed with its owner; below 0: none.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The sockets of a loop's transfers: what epoll is told of each, and which may carry one more
// request. Included by curl_loop.cc only.
//
// Whatever arrives on a kept connection between two requests is the answer to neither: a proxy's
// 408 before it closes, a body that a HEAD should not have, an answer that was written twice.
// libcurl 7.88 uses such a connection again and takes what waits there for the answer to the next
// request (https://github.com/curl/curl/pull/10690 ended that). So a connection is looked at when
// epoll reports it while it is idle, and once more right before each request but its first. Where
// anything is there to be read, it is buried: closed, with a socket in its place whose other end is
// gone. libcurl finds it dead, or fails to write to it and takes a new connection for the transfer.
//
// Much can arrive that libcurl counts as nothing: extensions of chunks, frames that carry nothing.
// Where a connection has brought more than `intake_max` bytes for a request, it is shut down, and
// the transfer fails.
//
// Where a connection may lead is judged by its address when it is opened, and once more before each
// request that it carries: a name may lead elsewhere by now, and what its URL said is judged by
// then.
//
// HTTP/2 says of each frame to which request it belongs, and pings and settings may come at any
// time: libcurl reads what waits before it uses such a connection.
//
// Threads: one. libcurl calls the callbacks from C, through which no exception may pass: without
// memory for a few bytes the process ends there, as it would soon elsewhere.
class Sockets {
 public:
  // What one easy handle has to do with them. Neither moves while the handle has a transfer.
  struct Transfer {
    Sockets* sockets = nullptr;
    CURL* easy = nullptr;
    std::vector<int> opened;  // since its last request
    int sends = 0;            // how often its request was put on a connection
    CutOff cut_off = CutOff::kNot;
    NotAllowed not_allowed;
    bool allowed = false;  // one of its addresses was
    // Where it leads, if that is judged by a policy.
    std::optional<egress::Target> target;
    // What CURLOPT_RESOLVE was given.
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> addresses{nullptr,
                                                                          &curl_slist_free_all};

    void clear();  // for another transfer
  };

  // Errors: kUnavailable (no descriptors).
  static Result<std::unique_ptr<Sockets>> create(std::uint64_t intake_max,
                                                 std::shared_ptr<const egress::Policy> egress);

  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  int epoll() const { return epoll_.get(); }

  // Has a fresh or reset handle open, use and close its connections by way of these. Sets
  // CURLOPT_PREREQFUNCTION, CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
  void set_up(Transfer& transfer);

  // What libcurl wants to wait for on a descriptor, CURL_POLL_*.
  void set_interest(int fd, int what);
  // Whether any transfer waits for something on it.
  bool in_use(int fd) { return socket(fd).wanted != 0; }
  // Epoll reported that something arrived on one that is in use.
  void take_input_event(int fd);
  // Epoll reported something on one that is not in use.
  void take_idle_event(int fd);
  void watch(int operation, int fd, std::uint32_t events);

 private:
  struct Socket {
    // What epoll was told of the descriptor, and what libcurl wants of it.
    std::uint32_t told = 0;
    std::uint32_t wanted = 0;
    // Opened and closed through us, so that we know when epoll forgets it.
    bool ours = false;
    // A connection that has carried a request, and is not buried.
    bool known = false;
    bool tls = false;
    bool http2 = false;
    // Of the request that it carries: the transfer, where it is the only one, how often something
    // arrived, and how many bytes had by the first look.
    Transfer* transfer = nullptr;
    unsigned arrivals = 0;
    std::uint64_t received = 0;
    std::uint64_t requests = 0;  // of HTTP/2, since the first look
    std::string local_ip, ip;    // its two ends, where it is known
    std::uint32_t ports = 0;
  };
  // The two ends of a connection, as libcurl tells them.
  struct Ends {
    std::string_view local_ip, ip;
    int local_port, port;

    std::uint32_t ports() const;
    std::optional<egress::End> other() const;  // none: it is no IP address
  };

  Sockets(Descriptor epoll, Descriptor dead, std::uint64_t intake_max,
          std::shared_ptr<const egress::Policy> egress)
      : epoll_(std::move(epoll)),
        dead_(std::move(dead)),
        intake_max_(intake_max),
        egress_(std::move(egress)) {}

  static curl_socket_t on_open(void* transfer, curlsocktype, curl_sockaddr* address) noexcept;
  static int on_close(void* self, curl_socket_t fd) noexcept;
  static int on_request(void* transfer, char* ip, char* local_ip, int port,
                        int local_port) noexcept;

  bool may_lead_to(Transfer& transfer, const std::optional<egress::End>& end) const;
  Socket& socket(int fd);
  int find(const Ends& ends) const;
  bool learn(const Transfer& transfer, const Ends& ends);
  void unlearn(int fd);
  void begin_request(int fd, Transfer& transfer);
  bool has_input(int fd, CURL* easy);
  void bury(int fd);
  void forget(int fd);

  const Descriptor epoll_;
  const Descriptor dead_;  // a socket whose other end is gone
  const std::uint64_t intake_max_;
  const std::shared_ptr<const egress::Policy> egress_;  // null: none
  std::vector<Socket> sockets_;                         // by descriptor
  std::unordered_multimap<std::uint32_t, int> known_;   // by their ports
};

}  // namespace rhooks::net
