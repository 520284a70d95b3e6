#include "aws/wire.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>

#include "aws/wire_transfer.h"
#include "base/check.h"
#include "base/mutex.h"
#include "net/curl_loop.h"
#include "net/easy_handle.h"

namespace rhooks::aws {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::hours kWaitMax{1};

struct Endpoint {
  std::string url;   // scheme, host and port
  std::string host;  // with the port where it is not the scheme's own
};

// Why `text` cannot be an endpoint, or nothing.
std::string read_endpoint(const std::string& text, Endpoint& endpoint) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return "it is no URL";
  }
  const auto part = [&](CURLUPart what) {
    char* value = nullptr;
    std::string copy;
    if (curl_url_get(url.get(), what, &value, 0) == CURLUE_OK) copy = value;
    curl_free(value);
    return copy;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "it must begin with https:// or http://";
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
    return "a user name or password has no place in it";
  }
  if (part(CURLUPART_PATH) != "/" || !part(CURLUPART_QUERY).empty() ||
      !part(CURLUPART_FRAGMENT).empty()) {
    return "nothing may follow the host and port";
  }
  endpoint.host = part(CURLUPART_HOST);
  const std::string port = part(CURLUPART_PORT);
  if (!port.empty() && port != (scheme == "http" ? "80" : "443")) endpoint.host += ":" + port;
  endpoint.url = scheme + "://" + endpoint.host;
  return {};
}

}  // namespace

class Wire::Impl {
 public:
  Impl(WireOptions options, net::EasyOptions easy_options, Endpoint endpoint, const Clock& clock,
       std::unique_ptr<net::CurlLoop> loop)
      : options_(std::move(options)),
        easy_options_(std::move(easy_options)),
        endpoint_(std::move(endpoint)),
        url_(endpoint_.url + "/"),
        clock_(clock),
        loop_(std::move(loop)),
        thread_([this] { run(); }) {}

  ~Impl() { stop(); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

  void send(WireRequest request, Done done) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) {
        const auto at = Steady::now() + request.delay;
        waiting_.emplace(at, Waiting{std::move(request), std::move(done)});
        loop_->wake();
        return;
      }
    }
    done(WireResult{});
  }

  void stop() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      loop_->wake();
    }
    const MutexLock lock(joining_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Waiting {
    WireRequest request;
    Done done;
  };
  struct Running {
    std::unique_ptr<WireTransfer> transfer;
    Done done;
  };

  void run() {
    while (true) {
      auto wait = std::chrono::ceil<std::chrono::milliseconds>(start_what_is_due());
      if (stopped()) return;
      for (const auto& [easy, code] : loop_->run(wait)) finish(easy, code);
    }
  }

  // Returns how long until the next one that waits is due.
  Steady::duration start_what_is_due() {
    while (running_.size() < options_.max_in_flight) {
      MutexLock lock(mutex_);
      if (stopping_ || waiting_.empty()) return kWaitMax;
      const auto left = waiting_.begin()->first - Steady::now();
      if (left > Steady::duration::zero()) return std::min<Steady::duration>(left, kWaitMax);
      auto next = std::move(waiting_.extract(waiting_.begin()).mapped());
      lock.unlock();
      start(std::move(next));
    }
    return kWaitMax;
  }

  void start(Waiting next) {
    auto transfer = std::make_unique<WireTransfer>(std::move(next.request), clock_.now());
    CURL* const easy = loop_->take_handle();
    if (!easy) return next.done(transfer->not_sent("out of memory", clock_.now()));
    std::string error = transfer->set_up(easy, url_, easy_options_);
    if (error.empty()) {
      if (const auto code = loop_->add(easy, url_, easy_options_); code != CURLM_OK)
        error = curl_multi_strerror(code);
    }
    if (!error.empty()) {
      WireResult result = transfer->not_sent(std::move(error), clock_.now());
      transfer.reset();
      loop_->give_handle_back(easy);
      return next.done(std::move(result));
    }
    running_.emplace(easy, Running{std::move(transfer), std::move(next.done)});
  }

  void finish(CURL* easy, CURLcode code) {
    auto node = running_.extract(easy);
    RHOOKS_CHECK(!node.empty());
    auto [transfer, done] = std::move(node.mapped());
    WireResult result = transfer->finish(code, clock_.now());
    transfer.reset();  // before the handle is used again
    loop_->give_handle_back(easy);
    done(std::move(result));
  }

  // Ends everything once stop() was called.
  bool stopped() {
    std::multimap<Steady::time_point, Waiting> waiting;
    {
      const MutexLock lock(mutex_);
      if (!stopping_) return false;
      waiting.swap(waiting_);
    }
    for (const auto& [easy, code] : loop_->take_ended()) finish(easy, code);
    for (auto& [easy, running] : std::exchange(running_, {})) {
      loop_->remove(easy);
      WireResult result = running.transfer->stop(clock_.now());
      running.transfer.reset();
      loop_->give_handle_back(easy);
      running.done(std::move(result));
    }
    for (auto& [at, next] : waiting) next.done(WireResult{});
    return true;
  }

  const WireOptions options_;
  const net::EasyOptions easy_options_;
  const Endpoint endpoint_;
  const std::string url_;
  const Clock& clock_;
  const std::unique_ptr<net::CurlLoop> loop_;   // the I/O thread's, but for wake()
  std::unordered_map<CURL*, Running> running_;  // the I/O thread's

  Mutex mutex_;
  // By when they are due; equal: in order.
  std::multimap<Steady::time_point, Waiting> waiting_ RHOOKS_GUARDED_BY(mutex_);
  bool stopping_ RHOOKS_GUARDED_BY(mutex_) = false;

  Mutex joining_;
  std::thread thread_ RHOOKS_GUARDED_BY(joining_);  // last: it uses all of the above
};

Result<std::unique_ptr<Wire>> Wire::create(WireOptions options, const Clock& clock) {
  auto easy_options =
      net::checked({options.connect_timeout, options.request_timeout, options.ca_file});
  if (!easy_options) return fail(std::move(easy_options.error()));
  options.max_in_flight = std::clamp<std::size_t>(options.max_in_flight, 1, 10'000);
  auto loop = net::CurlLoop::create({.connections_max = options.max_in_flight});
  if (!loop) return fail(std::move(loop.error()));
  Endpoint endpoint;
  if (const auto wrong = read_endpoint(options.endpoint, endpoint); !wrong.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "the endpoint cannot be used: " + wrong +
                    "; it is like https://dynamodb.eu-west-1.amazonaws.com",
                "endpoint");
  }
  return std::unique_ptr<Wire>(new Wire(std::make_unique<Impl>(
      std::move(options), std::move(*easy_options), std::move(endpoint), clock, std::move(*loop))));
}

Wire::Wire(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Wire::~Wire() = default;

const std::string& Wire::endpoint() const {
  return impl_->endpoint().url;
}
const std::string& Wire::host() const {
  return impl_->endpoint().host;
}
void Wire::send(WireRequest request, Done done) {
  impl_->send(std::move(request), std::move(done));
}
void Wire::stop() {
  impl_->stop();
}

}  // namespace rhooks::aws
