#include "net/http_client.h"

#include <utility>

#include "base/check.h"
#include "net/curl_error.h"
#include "net/curl_loop.h"
#include "net/exchange.h"

namespace rhooks::net {
namespace {

using Outcome = tl::expected<HttpAnswer, HttpFailure>;

// A call lasts as long as its own time-out allows: this one only ends a wait of the loop.
constexpr std::chrono::hours kWait{1};

tl::unexpected<HttpFailure> not_sent(std::string why) {
  return tl::make_unexpected(HttpFailure{HttpFailure::At::kOther, false, std::move(why)});
}

HttpFailure::At place_of(CURLcode code) {
  if (code == CURLE_COULDNT_RESOLVE_HOST) return HttpFailure::At::kLookup;
  if (code == CURLE_COULDNT_CONNECT) return HttpFailure::At::kConnect;
  return is_of_tls(code) ? HttpFailure::At::kTls : HttpFailure::At::kOther;
}

std::string string_info(CURL* easy, CURLINFO what) {
  char* text = nullptr;
  curl_easy_getinfo(easy, what, &text);
  return text ? text : "";
}

class BlockingExchange final : public Exchange {
 public:
  BlockingExchange(const HttpClientOptions& options, const HttpCall& call)
      : options_(options), call_(call) {}

  Outcome finish(CURLcode code) {
    if (is_answered(code)) {
      return HttpAnswer{status(), string_info(easy(), CURLINFO_CONTENT_TYPE), std::move(body_),
                        string_info(easy(), CURLINFO_REDIRECT_URL)};
    }
    HttpFailure failed{place_of(code), CurlLoop::sends(easy()) > 0, failure(code, status())};
    if (too_long_) {
      failed.at = HttpFailure::At::kAnswerTooLong;
      failed.why =
          "its answer is longer than " + std::to_string(options_.answer_bytes_max / 1024) + " KiB";
    }
    return tl::make_unexpected(std::move(failed));
  }

 private:
  std::string prepare() override {
    set(CURLOPT_USERAGENT, options_.user_agent);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 30L);
    set(CURLOPT_TCP_KEEPINTVL, 10L);
    if (!call_.body.empty() || call_.method == "POST") set_body(call_.body);
    set(CURLOPT_CUSTOMREQUEST, call_.method.c_str());
    // Where a connection that was used before breaks off, libcurl sends the request again, of any
    // method. What a lost answer may have been about must not be done a second time by itself.
    if (call_.method != "GET") set(CURLOPT_FRESH_CONNECT, 1L);
    for (const Header& header : call_.headers) {
      if (add_header(header.name, header.value)) continue;
      return "the header " + header.name + " would hold a line break";
    }
    return {};
  }

  bool take_header(std::string_view) override { return true; }

  bool take_body(std::string_view piece) override {
    too_long_ = body_.size() + piece.size() > options_.answer_bytes_max;
    if (!too_long_) body_.append(piece);
    return !too_long_;
  }

  const HttpClientOptions& options_;
  const HttpCall& call_;
  std::string body_;
  bool too_long_ = false;
};

// Does what curl_easy_perform() does, on a connection on which nothing waits.
CURLcode perform(CurlLoop& loop, CURL* easy) {
  if (loop.add(easy) != CURLM_OK) return CURLE_FAILED_INIT;
  while (true) {
    if (const auto ended = loop.run(kWait); !ended.empty()) return ended[0].code;
  }
}

}  // namespace

HttpClient::HttpClient(HttpClientOptions options) : options_(std::move(options)) {}

HttpClient::~HttpClient() = default;

Outcome HttpClient::call(const HttpCall& call) {
  if (!loop_) {
    auto created = CurlLoop::create({.connections_max = 1});
    if (!created) return not_sent(std::move(created.error().message));
    loop_ = std::move(*created);
  }
  CURL* const easy = loop_->take_handle();
  RHOOKS_CHECK(easy != nullptr);
  const EasyOptions limits{options_.connect_timeout, call.timeout, options_.ca_file,
                           options_.use_proxy};
  BlockingExchange exchange(options_, call);
  const std::string wrong = exchange.set_up(easy, call.url, limits);
  Outcome outcome =
      wrong.empty() ? exchange.finish(perform(*loop_, easy)) : Outcome(not_sent(wrong));
  loop_->give_handle_back(easy);
  return outcome;
}

}  // namespace rhooks::net
