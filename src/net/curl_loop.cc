#include "net/curl_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "net/named_host.h"
#include "net/sockets.h"

namespace rhooks::net {
namespace {

using Steady = std::chrono::steady_clock;

// Easy handles that are kept for the next request; each holds a few KiB.
constexpr std::size_t kIdleHandlesMax = 256;
// libcurl names its next time-out by callback. Should one ever be missed, transfers still end:
// it is asked at least this often while any is under way.
constexpr std::chrono::milliseconds kTimerMax{1'000};

constexpr std::chrono::hours kWaitMax{24};

bool init_curl() {
  static std::once_flag once;
  static bool ok = false;
  std::call_once(once, [] { ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; });
  return ok;
}

std::string last_system_error() {
  return std::generic_category().message(errno);
}

// What the loop keeps of an easy handle.
Sockets::Transfer& transfer_of(CURL* easy) {
  char* kept = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &kept);
  RHOOKS_CHECK(kept != nullptr);
  return *reinterpret_cast<Sockets::Transfer*>(kept);
}

}  // namespace

std::size_t descriptors_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>(limit.rlim_cur);
}

// libcurl's socket and timer callbacks only write down what to wait for; curl_multi_* is
// called from the loop's own methods alone, so never from within itself.
class CurlLoop::Impl {
 public:
  Impl(const Options& options, CURLM* multi, std::unique_ptr<Sockets> sockets, int event)
      : judged_(options.egress != nullptr),
        sockets_(std::move(sockets)),
        event_(event),
        multi_(multi),
        names_(options.names, [this](int fd, std::uint32_t events) {
          sockets_->watch(events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, fd, events);
        }) {
    sockets_->watch(EPOLL_CTL_ADD, event_.get(), EPOLLIN);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections_max));
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  }

  ~Impl() {
    for (const auto& transfer : idle_) curl_easy_cleanup(transfer->easy);
    // Closes the idle connections, and calls on_socket and those of Sockets for them.
    curl_multi_cleanup(multi_);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  CURLMcode add(CURL* easy) {
    const auto code = curl_multi_add_handle(multi_, easy);
    if (code == CURLM_OK) ++transfers_;
    return code;
  }

  CURLMcode add(CURL* easy, const std::string& url, const EasyOptions& limits) {
    if (judged_ && limits.proxy.empty()) transfer_of(easy).target = egress::target_of(url);
    const std::optional<NamedHost> host = named_host(limits.proxy.empty() ? url : limits.proxy);
    if (!host) return add(easy);
    const auto now = Steady::now();
    if (const std::string* const addresses = names_.find(host->name, now)) {
      return begin(easy, *host, *addresses);
    }
    const auto until = now + std::min(limits.connect_timeout, limits.request_timeout);
    waiting_.insert_or_assign(easy, Waiting{*host, limits, now, until});
    waiting_for_[host->name].push_back(easy);
    give_up_at_ = std::min(give_up_at_, until);
    return CURLM_OK;
  }

  void remove(CURL* easy) {
    if (waiting_.erase(easy) > 0) return;
    const auto is_it = [easy](const EndedTransfer& one) { return one.easy == easy; };
    if (std::erase_if(not_begun_, is_it) > 0) return;
    if (curl_multi_remove_handle(multi_, easy) != CURLM_OK) return;
    RHOOKS_CHECK(transfers_ > 0);
    --transfers_;
  }

  std::vector<EndedTransfer> run(std::chrono::milliseconds max_wait) {
    // A day at most, so that no caller's "for ever" overflows.
    const auto deadline = Steady::now() + std::min<std::chrono::milliseconds>(max_wait, kWaitMax);
    std::vector<EndedTransfer> ended;
    while (true) {
      run_timers();
      collect(ended);
      const auto wait =
          ended.empty() ? std::min(deadline, next_timer()) - Steady::now() : Steady::duration{};
      const bool woken = wait_for_events(wait);
      run_timers();
      collect(ended);
      if (woken || !ended.empty() || Steady::now() >= deadline) return ended;
    }
  }

  // Takes the transfers that ended out of libcurl, and those that never got there.
  void collect(std::vector<EndedTransfer>& ended) {
    ended.insert(ended.end(), not_begun_.begin(), not_begun_.end());
    not_begun_.clear();
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // The message dies with the removal.
      const EndedTransfer transfer{message->easy_handle, message->data.result};
      remove(transfer.easy);
      ended.push_back(transfer);
    }
  }

  void wake() {
    const std::uint64_t one = 1;
    // A full counter (EAGAIN) wakes as well.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }

  CURL* take_handle() {
    std::unique_ptr<Sockets::Transfer> transfer;
    if (idle_.empty()) {
      CURL* const easy = curl_easy_init();
      if (!easy) return nullptr;
      transfer = std::make_unique<Sockets::Transfer>();
      transfer->sockets = sockets_.get();
      transfer->easy = easy;
    } else {
      transfer = std::move(idle_.back());
      idle_.pop_back();
    }
    sockets_->set_up(*transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer.get());
    return transfer.release()->easy;  // until it is given back
  }

  void give_handle_back(CURL* easy) {
    std::unique_ptr<Sockets::Transfer> transfer(&transfer_of(easy));
    curl_easy_reset(easy);
    if (idle_.size() >= kIdleHandlesMax) return curl_easy_cleanup(easy);
    transfer->clear();
    idle_.push_back(std::move(transfer));
  }

 private:
  struct Waiting {
    NamedHost host;
    EasyOptions limits;
    Steady::time_point since;
    Steady::time_point until;
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    static_cast<Impl*>(self)->sockets_->set_interest(fd, what);
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) noexcept {
    auto& timer = static_cast<Impl*>(self)->timer_;
    if (timeout_ms < 0) {
      timer.reset();
    } else {
      timer = Steady::now() + std::chrono::milliseconds{timeout_ms};
    }
    return 0;
  }

  // "+": libcurl keeps them for no longer than what it finds itself.
  CURLMcode begin(CURL* easy, const NamedHost& host, const std::string& addresses) {
    auto& given = transfer_of(easy).addresses;
    given.reset(
        curl_slist_append(nullptr, ("+" + host.name + ":" + host.port + ":" + addresses).c_str()));
    if (!given) return CURLM_OUT_OF_MEMORY;
    curl_easy_setopt(easy, CURLOPT_RESOLVE, given.get());
    return add(easy);
  }

  // Those whose look-up took a while have less time left.
  void begin(CURL* easy, const Waiting& waited, const std::string& addresses,
             Steady::time_point now) {
    const auto took = std::chrono::floor<std::chrono::milliseconds>(now - waited.since);
    const auto left = [took](std::chrono::milliseconds limit) {
      return static_cast<long>(std::max<std::int64_t>((limit - took).count(), 1));
    };
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, left(waited.limits.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left(waited.limits.request_timeout));
    if (begin(easy, waited.host, addresses) != CURLM_OK) {
      not_begun_.push_back({easy, CURLE_OUT_OF_MEMORY});
    }
  }

  // Begins or ends those that waited for a name.
  void settle_names() {
    for (const NameLookups::Answer& answer : names_.take_ended()) {
      const auto now = Steady::now();
      auto node = waiting_for_.extract(answer.name);
      if (node.empty()) continue;
      for (CURL* const easy : node.mapped()) {
        const auto one = waiting_.find(easy);
        // Given up, and perhaps waiting for something else.
        if (one == waiting_.end() || one->second.host.name != answer.name) continue;
        const Waiting waited = std::move(one->second);
        waiting_.erase(one);
        if (answer.addresses.empty()) {
          not_begun_.push_back({easy, CURLE_COULDNT_RESOLVE_HOST});
        } else {
          begin(easy, waited, answer.addresses, now);
        }
      }
    }
  }

  void give_up(Steady::time_point now) {
    if (now < give_up_at_) return;
    give_up_at_ = Steady::time_point::max();
    for (auto one = waiting_.begin(); one != waiting_.end();) {
      if (one->second.until <= now) {
        not_begun_.push_back({one->first, CURLE_OPERATION_TIMEDOUT});
        one = waiting_.erase(one);
      } else {
        give_up_at_ = std::min(give_up_at_, one->second.until);
        ++one;
      }
    }
  }

  Steady::time_point next_timer() const {
    auto next = std::min(give_up_at_, names_.next_timer());
    if (timer_) return std::min(next, *timer_);
    return transfers_ == 0 ? next : std::min(next, Steady::now() + kTimerMax);
  }

  void run_timers() {
    names_.run_timer();
    settle_names();
    give_up(Steady::now());
    run_timer();
  }

  void run_timer() {
    const auto now = Steady::now();
    const bool due = timer_ ? now >= *timer_ : now >= last_action_ + kTimerMax;
    if (transfers_ == 0 && !timer_) return;
    if (!due) return;
    timer_.reset();
    act(CURL_SOCKET_TIMEOUT, 0);
  }

  void act(curl_socket_t fd, int mask) {
    int running = 0;
    last_action_ = Steady::now();
    const auto code = curl_multi_socket_action(multi_, fd, mask, &running);
    // A descriptor that libcurl no longer knows is none of these: it is ignored.
    RHOOKS_CHECK(code == CURLM_OK || code == CURLM_OUT_OF_MEMORY);
  }

  // True if wake() was called.
  bool wait_for_events(Steady::duration wait) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(
        std::clamp<Steady::duration>(wait, Steady::duration::zero(), std::chrono::hours{1}));
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(sockets_->epoll(), events.data(),
                                   static_cast<int>(events.size()), static_cast<int>(ms.count()));
    if (count < 0) {
      RHOOKS_CHECK(errno == EINTR);
      return false;
    }
    bool woken = false;
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == event_.get()) {
        std::uint64_t value = 0;
        [[maybe_unused]] const auto got = ::read(event_.get(), &value, sizeof value);
        woken = true;
        continue;
      }
      if (names_.owns(event.data.fd)) {
        names_.on_event(event.data.fd, event.events);
        continue;
      }
      if (!sockets_->in_use(event.data.fd)) {
        sockets_->take_idle_event(event.data.fd);
        continue;
      }
      if (event.events & EPOLLIN) sockets_->take_input_event(event.data.fd);
      int mask = 0;
      if (event.events & EPOLLIN) mask |= CURL_CSELECT_IN;
      if (event.events & EPOLLOUT) mask |= CURL_CSELECT_OUT;
      if (event.events & (EPOLLERR | EPOLLHUP)) mask |= CURL_CSELECT_ERR;
      act(event.data.fd, mask);
    }
    return woken;
  }

  const bool judged_;  // by a policy
  const std::unique_ptr<Sockets> sockets_;
  const Descriptor event_;  // wake()
  CURLM* const multi_;
  std::size_t transfers_ = 0;  // added, and not yet removed
  std::vector<std::unique_ptr<Sockets::Transfer>> idle_;
  NameLookups names_;
  std::unordered_map<CURL*, Waiting> waiting_;                       // for the addresses of a name
  std::unordered_map<std::string, std::vector<CURL*>> waiting_for_;  // by name; some gave up
  Steady::time_point give_up_at_ = Steady::time_point::max();        // the first of them
  std::vector<EndedTransfer> not_begun_;
  std::optional<Steady::time_point> timer_;
  Steady::time_point last_action_ = Steady::now();
};

Result<std::unique_ptr<CurlLoop>> CurlLoop::create(const Options& options) {
  if (!init_curl()) return fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  auto sockets = Sockets::create(options.intake_max, options.egress);
  if (!sockets) return fail(std::move(sockets.error()));
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) {
    return fail(ErrorCode::kUnavailable,
                "no descriptor for sending requests: " + last_system_error());
  }
  CURLM* const multi = curl_multi_init();
  if (!multi) {
    ::close(event);
    return fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  }
  return std::unique_ptr<CurlLoop>(
      new CurlLoop(std::make_unique<Impl>(options, multi, std::move(*sockets), event)));
}

CurlLoop::CurlLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CurlLoop::~CurlLoop() = default;

CURL* CurlLoop::take_handle() {
  return impl_->take_handle();
}
void CurlLoop::give_handle_back(CURL* easy) {
  impl_->give_handle_back(easy);
}
int CurlLoop::sends(CURL* easy) {
  return transfer_of(easy).sends;
}
CutOff CurlLoop::cut_off(CURL* easy) {
  return transfer_of(easy).cut_off;
}
const NotAllowed& CurlLoop::not_allowed(CURL* easy) {
  return transfer_of(easy).not_allowed;
}
CURLMcode CurlLoop::add(CURL* easy) {
  return impl_->add(easy);
}
CURLMcode CurlLoop::add(CURL* easy, const std::string& url, const EasyOptions& limits) {
  return impl_->add(easy, url, limits);
}
void CurlLoop::remove(CURL* easy) {
  impl_->remove(easy);
}
std::vector<EndedTransfer> CurlLoop::run(std::chrono::milliseconds max_wait) {
  return impl_->run(max_wait);
}
std::vector<EndedTransfer> CurlLoop::take_ended() {
  std::vector<EndedTransfer> ended;
  impl_->collect(ended);
  return ended;
}
void CurlLoop::wake() {
  impl_->wake();
}

}  // namespace rhooks::net
