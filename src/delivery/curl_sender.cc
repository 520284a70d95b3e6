#include "delivery/curl_sender.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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
#include "delivery/curl_error.h"
#include "delivery/curl_flight.h"

namespace rhooks::delivery {
namespace {

using Steady = std::chrono::steady_clock;

// Easy handles that are kept for the next request; each holds a few KiB.
constexpr std::size_t kIdleHandlesMax = 256;
// Idle connections that are kept, whatever the number of requests at once.
constexpr std::size_t kConnectionsMin = 16;
constexpr std::size_t kConnectionsMax = 1024;
// libcurl names its next time-out by callback. Should one ever be missed, requests still end:
// it is asked at least this often while any is in flight.
constexpr std::chrono::milliseconds kTimerMax{1'000};

constexpr std::chrono::hours kWaitMax{24};

bool init_curl() {
  static std::once_flag once;
  static bool ok = false;
  std::call_once(once, [] { ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; });
  return ok;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// libcurl takes 0 for "no limit", and nothing past an int.
CurlSenderOptions bounded(CurlSenderOptions options) {
  constexpr std::chrono::milliseconds kLeast{1};
  constexpr std::chrono::milliseconds kMost{std::chrono::hours{24}};
  options.connect_timeout = std::clamp(options.connect_timeout, kLeast, kMost);
  options.request_timeout = std::clamp(options.request_timeout, kLeast, kMost);
  return options;
}

std::string last_system_error() {
  return std::generic_category().message(errno);
}

}  // namespace

// libcurl's socket and timer callbacks only write down what to wait for; curl_multi_* is
// called from start(), poll(), cancel_all() and the destructor alone, so never from within
// itself.
class CurlSender::Impl {
 public:
  Impl(CurlSenderOptions options, Clock& clock, CURLM* multi, int epoll, int event)
      : options_(bounded(std::move(options))),
        clock_(clock),
        epoll_(epoll),
        event_(event),
        multi_(multi) {
    watch(EPOLL_CTL_ADD, event_.get(), EPOLLIN);
    const auto connections = std::clamp(options_.max_in_flight, kConnectionsMin, kConnectionsMax);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  }

  ~Impl() {
    for (auto& [easy, flight] : flights_) {
      curl_multi_remove_handle(multi_, easy);
      flight.reset();
      curl_easy_cleanup(easy);
    }
    for (CURL* const easy : idle_) curl_easy_cleanup(easy);
    // Closes the idle connections, and calls on_socket for them.
    curl_multi_cleanup(multi_);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(HttpRequest request) {
    auto flight = std::make_unique<CurlFlight>(std::move(request), clock_.now());
    CURL* const easy = take_handle();
    if (!easy) return finished_.push_back(flight->fail("out of memory"));
    if (auto error = flight->set_up(easy, options_); !error.empty()) {
      finished_.push_back(flight->fail(std::move(error)));
      return give_handle_back(easy);
    }
    if (const auto code = curl_multi_add_handle(multi_, easy); code != CURLM_OK) {
      finished_.push_back(flight->fail(curl_multi_strerror(code)));
      flight.reset();
      return give_handle_back(easy);
    }
    flights_.emplace(easy, std::move(flight));
  }

  std::vector<HttpResult> poll(std::chrono::milliseconds max_wait) {
    // A day at most, so that no caller's "for ever" overflows.
    const auto deadline = Steady::now() + std::min<std::chrono::milliseconds>(max_wait, kWaitMax);
    while (true) {
      run_timer();
      collect();
      const auto wait =
          finished_.empty() ? std::min(deadline, next_timer()) - Steady::now() : Steady::duration{};
      const bool woken = wait_for_events(wait);
      run_timer();
      collect();
      if (woken || !finished_.empty() || Steady::now() >= deadline) {
        return std::exchange(finished_, {});
      }
    }
  }

  void wake() {
    const std::uint64_t one = 1;
    // A full counter (EAGAIN) wakes as well.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }

  void cancel_all() {
    collect();  // what ended before is known, and stays
    for (auto& [easy, flight] : flights_) {
      curl_multi_remove_handle(multi_, easy);
      finished_.push_back(flight->cancel());
      flight.reset();
      give_handle_back(easy);
    }
    flights_.clear();
  }

  std::size_t in_flight() const { return flights_.size() + finished_.size(); }

 private:
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    static_cast<Impl*>(self)->set_interest(fd, what, known != nullptr);
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto& timer = static_cast<Impl*>(self)->timer_;
    if (timeout_ms < 0) {
      timer.reset();
    } else {
      timer = Steady::now() + std::chrono::milliseconds{timeout_ms};
    }
    return 0;
  }

  void set_interest(int fd, int what, bool known) {
    if (what == CURL_POLL_REMOVE) {
      // The descriptor may be closed already, which removed it.
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      return;
    }
    std::uint32_t events = 0;
    if (what & CURL_POLL_IN) events |= EPOLLIN;
    if (what & CURL_POLL_OUT) events |= EPOLLOUT;
    watch(known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
    // Marks the socket as known to epoll; libcurl forgets the mark with the socket.
    if (!known) curl_multi_assign(multi_, fd, this);
  }

  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    int result = ::epoll_ctl(epoll_.get(), operation, fd, &event);
    // A descriptor that was closed and opened again behind a mark of libcurl's.
    if (result != 0 && errno == EEXIST) {
      result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
    } else if (result != 0 && errno == ENOENT) {
      result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    // Where the system refuses (its limit of watches), the request ends by its time-out.
    (void)result;
  }

  Steady::time_point next_timer() const {
    if (timer_) return *timer_;
    return flights_.empty() ? Steady::time_point::max() : Steady::now() + kTimerMax;
  }

  void run_timer() {
    const auto now = Steady::now();
    const bool due = timer_ ? now >= *timer_ : now >= last_action_ + kTimerMax;
    if (flights_.empty() && !timer_) return;
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
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(ms.count()));
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
      int mask = 0;
      if (event.events & EPOLLIN) mask |= CURL_CSELECT_IN;
      if (event.events & EPOLLOUT) mask |= CURL_CSELECT_OUT;
      if (event.events & (EPOLLERR | EPOLLHUP)) mask |= CURL_CSELECT_ERR;
      act(event.data.fd, mask);
    }
    return woken;
  }

  // Takes the transfers that ended out of libcurl.
  void collect() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;  // the message dies with the removal
      auto node = flights_.extract(easy);
      RHOOKS_CHECK(!node.empty());
      auto flight = std::move(node.mapped());
      finished_.push_back(flight->finish(easy, code, options_));
      curl_multi_remove_handle(multi_, easy);
      flight.reset();  // before the handle is used again, after it let go of the buffers
      give_handle_back(easy);
    }
  }

  CURL* take_handle() {
    if (idle_.empty()) return curl_easy_init();
    CURL* const easy = idle_.back();
    idle_.pop_back();
    return easy;
  }

  void give_handle_back(CURL* easy) {
    curl_easy_reset(easy);
    if (idle_.size() < kIdleHandlesMax) {
      idle_.push_back(easy);
    } else {
      curl_easy_cleanup(easy);
    }
  }

  const CurlSenderOptions options_;
  Clock& clock_;
  const Descriptor epoll_;
  const Descriptor event_;  // wake()
  CURLM* const multi_;
  std::unordered_map<CURL*, std::unique_ptr<CurlFlight>> flights_;
  std::vector<CURL*> idle_;
  std::vector<HttpResult> finished_;
  std::optional<Steady::time_point> timer_;
  Steady::time_point last_action_ = Steady::now();
};

Result<std::unique_ptr<CurlSender>> CurlSender::create(const CurlSenderOptions& options,
                                                       Clock& clock) {
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0) {
    return rhooks::fail(
        ErrorCode::kInvalidArgument,
        "the CA file " + options.ca_file + " can not be read: " + last_system_error(), "caFile");
  }
  if (!init_curl()) return rhooks::fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int event = epoll < 0 ? -1 : ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) {
    const auto reason = last_system_error();
    if (epoll >= 0) ::close(epoll);
    return rhooks::fail(ErrorCode::kUnavailable, "no descriptor for the sender: " + reason);
  }
  CURLM* const multi = curl_multi_init();
  if (!multi) {
    ::close(epoll);
    ::close(event);
    return rhooks::fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  }
  return std::unique_ptr<CurlSender>(
      new CurlSender(std::make_unique<Impl>(options, clock, multi, epoll, event)));
}

CurlSender::CurlSender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CurlSender::~CurlSender() = default;

void CurlSender::start(HttpRequest request) {
  impl_->start(std::move(request));
}
std::vector<HttpResult> CurlSender::poll(std::chrono::milliseconds max_wait) {
  return impl_->poll(max_wait);
}
void CurlSender::wake() {
  impl_->wake();
}
void CurlSender::cancel_all() {
  impl_->cancel_all();
}
std::size_t CurlSender::in_flight() const {
  return impl_->in_flight();
}

}  // namespace rhooks::delivery
