#include "delivery/curl_sender.h"

#include <curl/curl.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "delivery/curl_transfer.h"
#include "delivery/idle_connections.h"
#include "model/limits.h"
#include "net/curl_loop.h"
#include "net/own_listeners.h"

namespace rhooks::delivery {
namespace {

// More than any answer that is read to its end takes, however it is framed.
constexpr std::uint64_t kIntakeBytesMax = 4 * 1024 * 1024;
static_assert(kIntakeBytesMax >= 2 * model::kResponseReadBytesMax);

// Why the loop ended it; null where it did not, or another answer says why.
const char* reason(net::CutOff cut_off) {
  switch (cut_off) {
    case net::CutOff::kNot:
    case net::CutOff::kNotAllowed:
      return nullptr;
    case net::CutOff::kTooMuch:
      return "the receiver sent more than 4 MiB without ending its response, most of it no part "
             "of one";
    case net::CutOff::kRefused:
      return "the receiver refused to begin with the request (HTTP/2 REFUSED_STREAM), twice";
  }
  return nullptr;
}

}  // namespace

class CurlSender::Impl {
 public:
  Impl(net::EasyOptions options, Clock& clock, std::unique_ptr<net::CurlLoop> loop,
       std::shared_ptr<const egress::Policy> egress)
      : options_(std::move(options)),
        clock_(clock),
        loop_(std::move(loop)),
        egress_(std::move(egress)) {}

  ~Impl() {
    for (auto& [easy, transfer] : transfers_) drop(easy, transfer);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(HttpRequest request) {
    auto transfer = std::make_unique<CurlTransfer>(std::move(request), clock_.now());
    if (const auto why = refusal_of(transfer->url())) {
      return finished_.push_back(transfer->refuse({*why, {}}));
    }
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
      finished_.push_back(result_of(*node.mapped(), easy, code));
      node.mapped().reset();  // before the handle is used again
      loop_->give_handle_back(easy);
    }
  }

  static HttpResult result_of(CurlTransfer& transfer, CURL* easy, CURLcode code) {
    const net::CutOff cut_off = net::CurlLoop::cut_off(easy);
    if (code == CURLE_OK) return transfer.finish(code);
    if (const char* const why = reason(cut_off)) return transfer.fail(why);
    if (cut_off != net::CutOff::kNotAllowed) return transfer.finish(code);
    const net::NotAllowed& refused = net::CurlLoop::not_allowed(easy);
    return transfer.refuse({refused.why, egress::to_text(refused.address)});
  }

  // What the URL tells, so that no name is looked up in vain; by way of a proxy nothing else is
  // judged. Of localhost one address is enough: which one is taken, others decide.
  std::optional<std::string_view> refusal_of(const std::string& url) const {
    const egress::Target target = egress::target_of(url);
    if (egress_) {
      if (const auto why = egress_->refuses(target)) return why;
    }
    const auto is_own = [&](const egress::Ip& ip) {
      return net::is_own_listener({ip, target.port});
    };
    if (std::any_of(target.addresses.begin(), target.addresses.end(), is_own)) {
      return egress::refusal::kOwnListener;
    }
    return std::nullopt;
  }

  void drop(CURL* easy, std::unique_ptr<CurlTransfer>& transfer) {
    loop_->remove(easy);
    transfer.reset();  // after libcurl let go of its buffers
    loop_->give_handle_back(easy);
  }

  const net::EasyOptions options_;
  Clock& clock_;
  const std::unique_ptr<net::CurlLoop> loop_;
  const std::shared_ptr<const egress::Policy> egress_;
  std::unordered_map<CURL*, std::unique_ptr<CurlTransfer>> transfers_;
  std::vector<HttpResult> finished_;
};

Result<std::unique_ptr<CurlSender>> CurlSender::create(const CurlSenderOptions& options,
                                                       Clock& clock) {
  auto easy_options =
      net::checked({options.connect_timeout, options.request_timeout, options.ca_file});
  if (!easy_options) return rhooks::fail(std::move(easy_options.error()));
  easy_options->proxy = options.proxy.url;
  easy_options->proxy_user = options.proxy.user;
  easy_options->proxy_password = options.proxy.password;
  auto loop = net::CurlLoop::create(
      {.connections_max = idle_connections(options.max_in_flight, net::descriptors_max()),
       .intake_max = kIntakeBytesMax,
       .egress = options.egress});
  if (!loop) return rhooks::fail(std::move(loop.error()));
  return std::unique_ptr<CurlSender>(new CurlSender(
      std::make_unique<Impl>(std::move(*easy_options), clock, std::move(*loop), options.egress)));
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
