#include "aws/http_fetch.h"

#include <thread>
#include <utility>

namespace rhooks::aws {
namespace {

constexpr std::chrono::milliseconds kPause{50};  // before the second try; doubled each time

}  // namespace

Result<net::HttpAnswer> fetch(const FetchRequest& request) {
  const net::HttpCall call{request.method, request.url, request.headers, request.body,
                           request.timeout};
  // Each on a connection of its own: what is wrong with the one before is left behind, and libcurl
  // makes no tries beside these, as it does on connections that it used before.
  const auto try_once = [&] {
    return net::HttpClient({.connect_timeout = request.timeout,
                            .answer_bytes_max = kFetchAnswerBytesMax,
                            .use_proxy = request.use_proxy})
        .call(call);
  };
  auto answer = try_once();
  const auto may_pass = [&] { return !answer || answer->status == 429 || answer->status >= 500; };
  for (int tries = 1; tries < request.tries_max && may_pass(); ++tries) {
    std::this_thread::sleep_for(kPause * (1 << (tries - 1)));
    answer = try_once();
  }
  if (answer) return std::move(*answer);
  std::string& why = answer.error().why;
  const bool too_long = answer.error().at == net::HttpFailure::At::kAnswerTooLong;
  return fail(ErrorCode::kUnavailable, too_long ? std::move(why) : "no answer (" + why + ")");
}

}  // namespace rhooks::aws
