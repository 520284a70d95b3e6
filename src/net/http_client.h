#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks::net {

class CurlLoop;

struct HttpClientOptions {
  const char* user_agent = "rhooks";
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t answer_bytes_max = 0;  // of a body
  std::string ca_file;               // PEM, instead of the system's authorities; empty: those
  bool use_proxy = false;            // that of the environment
};

struct HttpCall {
  std::string method = "GET";  // any but HEAD
  std::string url;             // http or https; its path is sent as it is
  std::vector<Header> headers;
  std::string_view body;                 // must live until the answer is there
  std::chrono::milliseconds timeout{0};  // 0: none; a dead connection is noticed all the same
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
  std::string location;  // of a redirect, as an absolute URL; it is not followed
};

// Why there is no answer.
struct HttpFailure {
  enum class At {
    kLookup,         // the name of the host
    kConnect,        // to the host, or the proxy
    kTls,            // also the ca_file
    kAnswerTooLong,  // more than answer_bytes_max
    kOther,
  };
  At at = At::kOther;
  bool sent = false;  // some of the request, so that it may have been carried out
  std::string why;    // for people; shows the host and port of the URL, and no more of it
};

// Makes one request after the other, over one connection that is kept alive. HTTP/1.1, or HTTP/2
// over TLS. What may have changed something is never sent a second time by itself.
// Threads: one at a time. Blocking: call(), until the answer is there.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status is an answer.
  tl::expected<HttpAnswer, HttpFailure> call(const HttpCall& call);

 private:
  const HttpClientOptions options_;
  std::unique_ptr<CurlLoop> loop_;  // made by the first call
};

}  // namespace rhooks::net
