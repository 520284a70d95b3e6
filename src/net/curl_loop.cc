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
#include <utility>

#include "base/check.h"

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

std::string last_system_error() {
  return std::generic_category().message(errno);
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
  Impl(std::size_t connections_max, CURLM* multi, int epoll, int event)
      : epoll_(epoll), event_(event), multi_(multi) {
    watch(EPOLL_CTL_ADD, event_.get(), EPOLLIN);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  }

  ~Impl() {
    for (CURL* const easy : idle_) curl_easy_cleanup(easy);
    // Closes the idle connections, and calls on_socket for them.
    curl_multi_cleanup(multi_);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  CURLMcode add(CURL* easy) {
    const auto code = curl_multi_add_handle(multi_, easy);
    if (code == CURLM_OK) ++transfers_;
    return code;
  }

  void remove(CURL* easy) {
    RHOOKS_CHECK(transfers_ > 0);
    --transfers_;
    curl_multi_remove_handle(multi_, easy);
  }

  std::vector<EndedTransfer> run(std::chrono::milliseconds max_wait) {
    // A day at most, so that no caller's "for ever" overflows.
    const auto deadline = Steady::now() + std::min<std::chrono::milliseconds>(max_wait, kWaitMax);
    std::vector<EndedTransfer> ended;
    while (true) {
      run_timer();
      collect(ended);
      const auto wait =
          ended.empty() ? std::min(deadline, next_timer()) - Steady::now() : Steady::duration{};
      const bool woken = wait_for_events(wait);
      run_timer();
      collect(ended);
      if (woken || !ended.empty() || Steady::now() >= deadline) return ended;
    }
  }

  // Takes the transfers that ended out of libcurl.
  void collect(std::vector<EndedTransfer>& ended) {
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
    CURL* easy = nullptr;
    if (idle_.empty()) {
      easy = curl_easy_init();
    } else {
      easy = idle_.back();
      idle_.pop_back();
    }
    if (!easy) return nullptr;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Impl::on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &Impl::on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
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

 private:
  // What epoll was told of a descriptor, and what libcurl wants of it.
  struct Interest {
    std::uint32_t told = 0;
    std::uint32_t wanted = 0;
    // Opened and closed through us, so that we know when epoll forgets it.
    bool ours = false;
  };

  Interest& interest(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (interests_.size() <= index) interests_.resize(index + 1);
    return interests_[index];
  }

  // libcurl calls these from C, through which no exception may pass. Without memory for a few
  // bytes the process ends here, as it would soon elsewhere.
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    static_cast<Impl*>(self)->set_interest(fd, what);
    return 0;
  }

  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    static_cast<Impl*>(self)->interest(fd) = {0, 0, true};
    return fd;
  }

  static int on_close(void* self, curl_socket_t fd) noexcept {
    static_cast<Impl*>(self)->interest(fd) = {};
    return ::close(fd);
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

  // A connection is waited for during each of its requests and for nothing between them. Epoll
  // is told so only when something comes meanwhile (wait_for_events), which is seldom: so a
  // request on a connection that is there already costs no call to change what is waited for.
  void set_interest(int fd, int what) {
    Interest& one = interest(fd);
    if (what == CURL_POLL_REMOVE) {
      one.wanted = 0;
      if (!one.ours) forget(fd);
      return;
    }
    one.wanted = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (one.told == one.wanted) return;
    watch(one.told == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, one.wanted);
    one.told = one.wanted;
  }

  void forget(int fd) {
    // One of libcurl's own may be closed already, which removed it.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    interest(fd).told = 0;
  }

  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    int result = ::epoll_ctl(epoll_.get(), operation, fd, &event);
    // One of libcurl's own that was closed and opened again behind our back.
    if (result != 0 && errno == EEXIST) {
      result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
    } else if (result != 0 && errno == ENOENT) {
      result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    // Where the system refuses (its limit of watches), the transfer ends by its time-out.
    (void)result;
  }

  Steady::time_point next_timer() const {
    if (timer_) return *timer_;
    return transfers_ == 0 ? Steady::time_point::max() : Steady::now() + kTimerMax;
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
      if (interest(event.data.fd).wanted == 0) {
        // An idle connection, which its other end closed: libcurl finds out when it needs one.
        forget(event.data.fd);
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

  const Descriptor epoll_;
  const Descriptor event_;  // wake()
  CURLM* const multi_;
  std::size_t transfers_ = 0;  // added, and not yet removed
  std::vector<CURL*> idle_;
  std::vector<Interest> interests_;  // by descriptor
  std::optional<Steady::time_point> timer_;
  Steady::time_point last_action_ = Steady::now();
};

Result<std::unique_ptr<CurlLoop>> CurlLoop::create(std::size_t connections_max) {
  if (!init_curl()) return fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int event = epoll < 0 ? -1 : ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) {
    const auto reason = last_system_error();
    if (epoll >= 0) ::close(epoll);
    return fail(ErrorCode::kUnavailable, "no descriptor for sending requests: " + reason);
  }
  CURLM* const multi = curl_multi_init();
  if (!multi) {
    ::close(epoll);
    ::close(event);
    return fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  }
  return std::unique_ptr<CurlLoop>(
      new CurlLoop(std::make_unique<Impl>(connections_max, multi, epoll, event)));
}

CurlLoop::CurlLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CurlLoop::~CurlLoop() = default;

CURL* CurlLoop::take_handle() {
  return impl_->take_handle();
}
void CurlLoop::give_handle_back(CURL* easy) {
  impl_->give_handle_back(easy);
}
CURLMcode CurlLoop::add(CURL* easy) {
  return impl_->add(easy);
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
