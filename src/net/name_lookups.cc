#include "net/name_lookups.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kTries = 2;
// How long what could not be looked up anew is good for, until that is tried again.
constexpr milliseconds kRetryAfter{5'000};
constexpr std::size_t kNamesMax = 10'000;
constexpr std::size_t kAddressesMax = 16;

bool init_library() {
  static std::once_flag once;
  static bool ok = false;
  std::call_once(once, [] { ok = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS; });
  return ok;
}

std::string text_of(const ares_addrinfo& found) {
  std::string text;
  std::size_t count = 0;
  for (const ares_addrinfo_node* one = found.nodes; one != nullptr; one = one->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> address{};
    const bool v6 = one->ai_family == AF_INET6;
    const void* const bytes =
        v6 ? static_cast<const void*>(
                 &reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr)
           : &reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr;
    if (!::inet_ntop(one->ai_family, bytes, address.data(), address.size())) continue;
    if (!text.empty()) text += ',';
    text.append(v6 ? "[" : "").append(address.data()).append(v6 ? "]" : "");
    if (++count == kAddressesMax) break;
  }
  return text;
}

}  // namespace

NameLookups::~NameLookups() {
  close();
}

bool NameLookups::open() {
  if (channel_) return true;
  if (!init_library()) return false;
  ares_options options{};
  options.timeout = static_cast<int>(options_.timeout.count());
  options.tries = kTries;
  options.sock_state_cb = &NameLookups::on_descriptor;
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &options, given) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  if (!options_.servers.empty() &&
      ares_set_servers_ports_csv(channel_, options_.servers.c_str()) != ARES_SUCCESS) {
    close();
    return false;
  }
  return true;
}

// Look-ups that are under way end without a word.
void NameLookups::close() {
  if (channel_) ares_destroy(std::exchange(channel_, nullptr));
}

// c-ares reads it once, and machines move from network to network.
bool NameLookups::configuration_changed() {
  struct stat file {};
  if (!options_.servers.empty() || ::stat("/etc/resolv.conf", &file) != 0) return false;
  const std::int64_t written_at =
      std::int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec;
  return std::exchange(configured_at_, written_at) != written_at;
}

const std::string* NameLookups::find(const std::string& name, Time now) {
  const auto known = known_.find(name);
  if (known != known_.end() && now < known->second.fresh_until) return &known->second.addresses;
  if (!under_way_.contains(name)) begin(name);
  // It may have ended at once, and then take_ended() has it.
  const auto still = known_.find(name);
  const bool usable = still != known_.end() && now < still->second.fresh_until + options_.fresh_for;
  return usable ? &still->second.addresses : nullptr;
}

std::vector<NameLookups::Answer> NameLookups::take_ended() {
  return std::exchange(ended_, {});
}

void NameLookups::begin(const std::string& name) {
  std::vector<std::string> names{name};
  if (configuration_changed() && channel_) {
    names.insert(names.end(), under_way_.begin(), under_way_.end());
    close();
  }
  for (const std::string& one : names) {
    under_way_.insert(one);
    if (!open()) {
      end(one, {});
      continue;
    }
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel_, one.c_str(), nullptr, &hints, &NameLookups::on_end,
                     std::make_unique<Lookup>(Lookup{this, one}).release());
  }
}

void NameLookups::on_end(void* data, int status, int, ares_addrinfo* found) noexcept {
  const std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(data));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found,
                                                                           &ares_freeaddrinfo);
  if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
  // It was taken away, and what it led to may be another's by now.
  if (status == ARES_ENOTFOUND) lookup->self->known_.erase(lookup->name);
  lookup->self->end(lookup->name, status == ARES_SUCCESS && found ? text_of(*found) : "");
}

void NameLookups::end(const std::string& name, const std::string& addresses) {
  const Time now = steady_clock::now();
  under_way_.erase(name);
  const auto known = known_.find(name);
  if (!addresses.empty()) {
    if (known == known_.end()) make_room(now);
    known_[name] = {addresses, now, now + options_.fresh_for};
    ended_.push_back({name, addresses});
  } else if (known != known_.end() && now < known->second.found_at + options_.stale_for) {
    known->second.fresh_until = now + std::min(kRetryAfter, options_.fresh_for);
    ended_.push_back({name, known->second.addresses});
  } else {
    if (known != known_.end()) known_.erase(known);
    ended_.push_back({name, {}});
  }
}

void NameLookups::make_room(Time now) {
  if (known_.size() < kNamesMax) return;
  std::erase_if(known_, [now](const auto& one) { return one.second.fresh_until <= now; });
  if (known_.size() >= kNamesMax) known_.clear();
}

void NameLookups::on_descriptor(void* data, int fd, int readable, int writable) noexcept {
  auto& self = *static_cast<NameLookups*>(data);
  const std::uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  if (events == 0) {
    self.descriptors_.erase(fd);
  } else {
    self.descriptors_.insert(fd);
  }
  self.watch_(fd, events);
}

void NameLookups::on_event(int fd, std::uint32_t events) {
  if (!channel_) return;
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  ares_process_fd(channel_, failed || (events & EPOLLIN) ? fd : ARES_SOCKET_BAD,
                  failed || (events & EPOLLOUT) ? fd : ARES_SOCKET_BAD);
}

NameLookups::Time NameLookups::next_timer() const {
  if (!channel_ || under_way_.empty()) return Time::max();
  timeval left{};
  if (!ares_timeout(channel_, nullptr, &left)) return Time::max();
  return steady_clock::now() + std::chrono::seconds{left.tv_sec} +
         std::chrono::microseconds{left.tv_usec};
}

void NameLookups::run_timer() {
  if (channel_ && !under_way_.empty()) {
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }
}

}  // namespace rhooks::net
