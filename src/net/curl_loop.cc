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
  Impl(std::size_t connections_max, CURLM* multi, std::unique_ptr<Sockets> sockets, int event)
      : sockets_(std::move(sockets)), event_(event), multi_(multi) {
    sockets_->watch(EPOLL_CTL_ADD, event_.get(), EPOLLIN);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
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
    transfer->opened.clear();
    transfer->sends = 0;
    transfer->cut_off = CutOff::kNot;
    idle_.push_back(std::move(transfer));
  }

 private:
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

  const std::unique_ptr<Sockets> sockets_;
  const Descriptor event_;  // wake()
  CURLM* const multi_;
  std::size_t transfers_ = 0;  // added, and not yet removed
  std::vector<std::unique_ptr<Sockets::Transfer>> idle_;
  std::optional<Steady::time_point> timer_;
  Steady::time_point last_action_ = Steady::now();
};

Result<std::unique_ptr<CurlLoop>> CurlLoop::create(std::size_t connections_max,
                                                   std::uint64_t intake_max) {
  if (!init_curl()) return fail(ErrorCode::kUnavailable, "libcurl could not be set up");
  auto sockets = Sockets::create(intake_max);
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
      new CurlLoop(std::make_unique<Impl>(connections_max, multi, std::move(*sockets), event)));
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
