#include "delivery/curl_sender.h"

#include <curl/curl.h>

#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "delivery/curl_transfer.h"
#include "delivery/idle_connections.h"
#include "model/limits.h"
#include "net/curl_loop.h"

namespace rhooks::delivery {
namespace {

// More than any answer that is read to its end takes, however it is framed.
constexpr std::uint64_t kIntakeBytesMax = 4 * 1024 * 1024;
static_assert(kIntakeBytesMax >= 2 * model::kResponseReadBytesMax);

// Why the loop ended it; null where it did not, or the transfer ended well all the same.
const char* reason(net::CutOff cut_off, CURLcode code) {
  if (code == CURLE_OK) return nullptr;
  switch (cut_off) {
    case net::CutOff::kNot:
      return nullptr;
    case net::CutOff::kTooMuch:
      return "the receiver sent more than 4 MiB without ending its response, most of it no part "
             "of one";
    case net::CutOff::kOwnListener:
      return "the URL leads to the scheduler itself, to which nothing is sent";
    case net::CutOff::kRefused:
      return "the receiver refused to begin with the request (HTTP/2 REFUSED_STREAM), twice";
  }
  return nullptr;
}

}  // namespace

class CurlSender::Impl {
 public:
  Impl(net::EasyOptions options, Clock& clock, std::unique_ptr<net::CurlLoop> loop)
      : options_(std::move(options)), clock_(clock), loop_(std::move(loop)) {}

  ~Impl() {
    for (auto& [easy, transfer] : transfers_) drop(easy, transfer);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(HttpRequest request) {
    auto transfer = std::make_unique<CurlTransfer>(std::move(request), clock_.now());
    CURL* const easy = loop_->take_handle();
    if (!easy) return finished_.push_back(transfer->fail("out of memory"));
    const net::EasyOptions& options = transfer->options(options_);
    if (auto error = transfer->set_up(easy, transfer->url(), options); !error.empty()) {
      finished_.push_back(transfer->fail(std::move(error)));
      return loop_->give_handle_back(easy);
    }
    if (const auto code = loop_->add(easy, transfer->url(), options); code != CURLM_OK) {
      finished_.push_back(transfer->fail(curl_multi_strerror(code)));
      transfer.reset();
      return loop_->give_handle_back(easy);
    }
    transfers_.emplace(easy, std::move(transfer));
  }

  std::vector<HttpResult> poll(std::chrono::milliseconds max_wait) {
    finish(loop_->run(finished_.empty() ? max_wait : std::chrono::milliseconds{0}));
    return std::exchange(finished_, {});
  }

  void wake() { loop_->wake(); }

  void cancel_all() {
    finish(loop_->take_ended());  // what ended before is known, and stays
    for (auto& [easy, transfer] : transfers_) {
      finished_.push_back(transfer->cancel());
      drop(easy, transfer);
    }
    transfers_.clear();
  }

  std::size_t in_flight() const { return transfers_.size() + finished_.size(); }

 private:
  void finish(const std::vector<net::EndedTransfer>& ended) {
    for (const auto& [easy, code] : ended) {
      auto node = transfers_.extract(easy);
      RHOOKS_CHECK(!node.empty());
      const char* const why = reason(net::CurlLoop::cut_off(easy), code);
      finished_.push_back(why ? node.mapped()->fail(why) : node.mapped()->finish(code));
      node.mapped().reset();  // before the handle is used again
      loop_->give_handle_back(easy);
    }
  }

  void drop(CURL* easy, std::unique_ptr<CurlTransfer>& transfer) {
    loop_->remove(easy);
    transfer.reset();  // after libcurl let go of its buffers
    loop_->give_handle_back(easy);
  }

  const net::EasyOptions options_;
  Clock& clock_;
  const std::unique_ptr<net::CurlLoop> loop_;
  std::unordered_map<CURL*, std::unique_ptr<CurlTransfer>> transfers_;
  std::vector<HttpResult> finished_;
};

Result<std::unique_ptr<CurlSender>> CurlSender::create(const CurlSenderOptions& options,
                                                       Clock& clock) {
  auto easy_options =
      net::checked({options.connect_timeout, options.request_timeout, options.ca_file});
  if (!easy_options) return rhooks::fail(std::move(easy_options.error()));
  auto loop = net::CurlLoop::create(
      {.connections_max = idle_connections(options.max_in_flight, net::descriptors_max()),
       .intake_max = kIntakeBytesMax});
  if (!loop) return rhooks::fail(std::move(loop.error()));
  return std::unique_ptr<CurlSender>(
      new CurlSender(std::make_unique<Impl>(std::move(*easy_options), clock, std::move(*loop))));
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
