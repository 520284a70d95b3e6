#include "aws/http_fetch.h"

#include <curl/curl.h>

#include <memory>
#include <thread>

#include "base/check.h"

namespace rhooks::aws {
namespace {

constexpr std::chrono::milliseconds kPause{50};  // before the second try; doubled each time

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void initialize_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  RHOOKS_CHECK(code == CURLE_OK);
}

struct Received {
  std::string body;
  bool too_long = false;
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* user) {
  auto& received = *static_cast<Received*>(user);
  if (received.body.size() + size > kFetchAnswerBytesMax) {
    received.too_long = true;
    return 0;  // makes libcurl stop
  }
  received.body.append(data, size);
  return size;
}

void add(HeaderList& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  RHOOKS_CHECK(longer != nullptr);
  (void)list.release();
  list.reset(longer);
}

HeaderList header_list(const FetchRequest& request) {
  HeaderList list;
  for (const Header& header : request.headers) add(list, header.name + ": " + header.value);
  add(list, "Expect:");  // an answer to it would only cost a round trip
  return list;
}

Result<FetchAnswer> fetch_once(const FetchRequest& request, curl_slist* headers) {
  const Handle handle(curl_easy_init());
  CURL* const easy = handle.get();
  RHOOKS_CHECK(easy != nullptr);
  Received received;
  const auto milliseconds = static_cast<long>(request.timeout.count());
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "rhooks");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  if (!request.use_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());

  const CURLcode code = curl_easy_perform(easy);
  if (received.too_long) {
    return fail(ErrorCode::kUnavailable, "its answer is longer than " +
                                             std::to_string(kFetchAnswerBytesMax / 1024) + " KiB");
  }
  if (code != CURLE_OK) {
    return fail(ErrorCode::kUnavailable,
                "no answer (" + std::string(curl_easy_strerror(code)) + ")");
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return FetchAnswer{static_cast<int>(status), std::move(received.body)};
}

bool may_pass(const Result<FetchAnswer>& answer) {
  return !answer || answer->status == 429 || answer->status >= 500;
}

}  // namespace

Result<FetchAnswer> fetch(const FetchRequest& request) {
  initialize_curl();
  const HeaderList headers = header_list(request);
  Result<FetchAnswer> answer = fetch_once(request, headers.get());
  for (int tries = 1; tries < request.tries_max && may_pass(answer); ++tries) {
    std::this_thread::sleep_for(kPause * (1 << (tries - 1)));
    answer = fetch_once(request, headers.get());
  }
  return answer;
}

}  // namespace rhooks::aws
