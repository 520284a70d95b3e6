#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "net/easy_handle.h"

namespace rhooks::net {

// One request on an easy handle, and what arrives for it: all that libcurl reads from and writes to
// while it lasts. It must not move, and lives until its handle has left the loop. Whoever makes the
// request says what it is, and takes the answer.
class Exchange {
 public:
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  // Prepares a fresh or reset handle. Returns what is wrong with the request, or nothing. `url` and
  // `options` must outlive the exchange.
  std::string set_up(CURL* easy, const std::string& url, const EasyOptions& options);

 protected:
  Exchange() = default;

  // Adds the method, the headers and the body. Returns what is wrong with them, or nothing.
  // May throw std::bad_alloc, as may the next two.
  virtual std::string prepare() = 0;
  // A line of the headers, with its end, and a piece of the body. False ends the transfer.
  virtual bool take_header(std::string_view line) = 0;
  virtual bool take_body(std::string_view piece) = 0;

  // The handle that was prepared.
  CURL* easy() const { return easy_; }

  // For prepare().
  template <typename T>
  void set(CURLoption option, T value) {
    if (const auto code = curl_easy_setopt(easy_, option, value); code != CURLE_OK) refused_ = code;
  }
  // Makes it a POST of these bytes, which are read in place.
  void set_body(std::string_view body);
  // False: the value holds a line break, which would let it write the rest of the request.
  bool add_header(std::string_view name, std::string_view value);
  // Keeps libcurl from adding that header by itself.
  void leave_out(std::string_view name);

  // For the end. Whether it ended with all of an answer.
  bool is_answered(CURLcode code) const;
  // The status that arrived last, 0: none.
  int status() const;
  // Whether it goes by way of EasyOptions::proxy.
  bool by_proxy() const { return !options_->proxy.empty(); }
  // Why it is not answered, for people (net/curl_error.h); `status`: of what arrived of an answer.
  std::string failure(CURLcode code, int status) const;

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

  // What libcurl is to hear of it: another number than that of the bytes ends the transfer.
  std::size_t take(std::string_view bytes, bool (Exchange::*taker)(std::string_view)) noexcept;
  void add_line();

  CURL* easy_ = nullptr;
  const std::string* url_ = nullptr;
  const EasyOptions* options_ = nullptr;
  CURLcode refused_ = CURLE_OK;  // by set()
  std::string line_;
  std::unique_ptr<curl_slist, FreeList> lines_;
  bool begun_ = false;          // anything of an answer arrived
  bool headers_ended_ = false;  // all headers of the last one, which may be an interim one
  bool out_of_memory_ = false;  // for what arrived
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace rhooks::net
