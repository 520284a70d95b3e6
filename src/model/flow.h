#pragma once

#include <rhooks/task.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "model/gcra.h"

namespace rhooks::model {

// What is limited together: the tasks of one namespace for one receiver, which is where their URLs
// lead, or an endpoint, or a flow key of one. All are hashes, which
// stand in stored bytes and stay as they are: two that fall together share their limits.
struct Flow {
  std::uint64_t ns = 0;
  std::uint64_t receiver = 0;
  std::uint64_t endpoint = 0;  // whose flow it is, 0: of none. It follows from `receiver`.

  friend bool operator==(const Flow& a, const Flow& b) {
    return a.ns == b.ns && a.receiver == b.receiver;
  }
};

// Fowler–Noll–Vo 1a of 64 bits (draft-eastlake-fnv), byte by byte. Never 0.
class FlowHash {
 public:
  void add(char byte) { value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3; }
  std::uint64_t value() const { return value_ == 0 ? 1 : value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

std::uint64_t namespace_hash(std::string_view ns);

// Of the origin of a URL (RFC 6454, section 4): its scheme and host in lower case, without the dot
// at the end of a host's name or the port that the scheme has anyway.
std::uint64_t receiver_hash(std::string_view url);

// Of all of a URL.
std::uint64_t url_hash(std::string_view url);

// Of an endpoint by its name, and of those of its tasks that have that key. Neither is a URL's:
// none begins with "@". No name of an endpoint has the character that ends it.
std::uint64_t endpoint_hash(std::string_view name);
std::uint64_t flow_hash(std::string_view endpoint, std::string_view flow_key);

Flow flow_of(const Task& task);

// What holds for all tasks of an endpoint.
struct Limits {
  bool unknown = false;  // it cannot be read
  bool paused = false;
  bool without_secret = false;  // one that it names is not there, or cannot be opened
  bool without_breaker = false;
  std::uint64_t address = 0;  // a hash of its URL; 0: it cannot be read
  // Of each of its flows by itself.
  std::size_t concurrency = 0;  // attempts at once; 0: any number
  bool ordered = false;         // one at a time, by their places
  std::optional<Gcra> rate = std::nullopt;

  friend bool operator==(const Limits&, const Limits&) = default;
};
struct LimitsOf {
  std::uint64_t ns = 0;
  std::uint64_t endpoint = 0;
  Limits limits;
};

struct HashOfFlow {
  std::size_t operator()(const Flow& flow) const {
    return static_cast<std::size_t>(flow.ns ^ flow.receiver);
  }
};

}  // namespace rhooks::model
