#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// <ares.h>
struct ares_addrinfo;
struct ares_channeldata;

namespace rhooks::net {

// Finds the addresses of names, as many at a time as there are, over a socket for each name server:
// c-ares, by /etc/hosts and /etc/resolv.conf. (libcurl's own look-ups take a thread and three
// descriptors each, for as long as a name server does not answer.)
//
// What was found is used for `fresh_for`, and for as long again while it is looked up anew. Where a
// name cannot be looked up anew what was found before is used on, up to `stale_for`.
//
// Threads: one.
class NameLookups {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Options {
    std::string servers;  // "127.0.0.1:5353,…" in place of those of /etc/resolv.conf
    // For the first answer of a name server. It is asked twice, and waited for twice as long then:
    // with three of them that ends before the default connect_timeout does.
    std::chrono::milliseconds timeout{1'000};
    std::chrono::milliseconds fresh_for{60'000};
    std::chrono::milliseconds stale_for{std::chrono::hours{1}};
  };
  struct Answer {
    std::string name;
    std::string addresses;  // separated by commas, as CURLOPT_RESOLVE takes them; empty: none
  };
  // Called with the epoll events that a descriptor is to be watched for; 0: no more.
  using Watch = std::function<void(int fd, std::uint32_t events)>;

  NameLookups(Options options, Watch watch)
      : options_(std::move(options)), watch_(std::move(watch)) {}
  ~NameLookups();
  NameLookups(const NameLookups&) = delete;
  NameLookups& operator=(const NameLookups&) = delete;

  // The addresses, if they are known; until the next call. Null: they are looked up, and
  // take_ended() tells what came of it.
  const std::string* find(const std::string& name, Time now);
  std::vector<Answer> take_ended();

  bool owns(int fd) const { return descriptors_.contains(fd); }
  void on_event(int fd, std::uint32_t events);
  // When run_timer() is to be called next; max(): never.
  Time next_timer() const;
  void run_timer();

 private:
  struct Known {
    std::string addresses;
    Time found_at;
    Time fresh_until;
  };
  struct Lookup {
    NameLookups* self;
    std::string name;
  };

  static void on_descriptor(void* self, int fd, int readable, int writable) noexcept;
  static void on_end(void* lookup, int status, int timeouts, ares_addrinfo* found) noexcept;

  bool open();
  void close();
  bool configuration_changed();
  void begin(const std::string& name);
  void end(const std::string& name, const std::string& addresses);
  void make_room(Time now);

  const Options options_;
  const Watch watch_;
  ares_channeldata* channel_ = nullptr;
  std::unordered_set<int> descriptors_;
  std::unordered_set<std::string> under_way_;
  std::unordered_map<std::string, Known> known_;
  std::vector<Answer> ended_;
  std::int64_t configured_at_ = 0;  // when /etc/resolv.conf was written, in ns
};

}  // namespace rhooks::net
