// What registration accepts (src/model/url.h) the sender sends: each URL is given to libcurl as the
// sender gives it, and goes over a connection to a receiver, which tells what it read. The other
// way round it may differ: registration is the stricter one.

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "delivery/curl_transfer.h"
#include "delivery/request_builder.h"
#include "model/url.h"
#include "net/curl_loop.h"
#include "testing/test_receiver.h"

namespace rhooks::delivery {
namespace {

using rhooks::testing::TestReceiver;

class UrlAgreementTest : public ::testing::Test {
 protected:
  UrlAgreementTest() {
    // Whatever the host: no name is looked up.
    const std::string to = "::127.0.0.1:" + std::to_string(receiver_.port());
    connect_to_.reset(curl_slist_append(nullptr, to.c_str()));
  }

  // Accepted by registration: then it is sent, and the receiver reads what it says.
  void check(const std::string& url) {
    if (!model::validate_url(url)) return;
    ++accepted_;
    SCOPED_TRACE(url);
    Task task;
    task.request.url = url;
    auto request = build_request(task, TimePoint{});
    ASSERT_TRUE(request) << request.error().message;
    const std::string target = target_of(request->request.url);

    CURL* const easy = easy_.get();
    curl_easy_reset(easy);
    CurlTransfer transfer(std::move(*request), TimePoint{});
    ASSERT_EQ(transfer.set_up(easy, transfer.url(), options_), "");
    ASSERT_EQ(curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get()), CURLE_OK);
    const CURLcode code = curl_easy_perform(easy);
    const auto outcome = transfer.finish(code).outcome;
    ASSERT_TRUE(outcome.ok()) << outcome.error;
    const auto seen = receiver_.requests();
    receiver_.clear_requests();
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].target, target);
    EXPECT_FALSE(seen[0].header("host").empty());
  }
  void check_host(const std::string& host) { check("http://" + host + "/"); }

  // How many of those that were tried registration accepted.
  int accepted() { return std::exchange(accepted_, 0); }

 private:
  static std::string target_of(const std::string& url) {
    return url.substr(url.find('/', url.find("//") + 2));
  }

  struct Free {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  TestReceiver receiver_;
  const net::EasyOptions options_;
  // For libcurl's global set-up, which the loop does.
  const std::unique_ptr<net::CurlLoop> loop_ = std::move(*net::CurlLoop::create({}));
  const std::unique_ptr<CURL, Free> easy_{curl_easy_init()};
  std::unique_ptr<curl_slist, Free> connect_to_;
  int accepted_ = 0;
};

std::string escaped(int byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'%', kHex[byte >> 4], kHex[byte & 15]};
}

TEST_F(UrlAgreementTest, OnEveryByteInEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string& c : {std::string(1, static_cast<char>(byte)), escaped(byte)}) {
      for (const std::string& host :
           {"a" + c + "b", c + "a", "a" + c, c, "1.2.3." + c, "[::" + c + "]"}) {
        check_host(host);
      }
    }
  }
  EXPECT_GT(accepted(), 2 * 65 * 4) << "letters, digits and marks, as they are and escaped";
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string& c : {std::string(1, static_cast<char>(byte)), escaped(byte)}) {
      for (const std::string& url : {"http://a:" + c + "/", "http://a:8" + c + "/", "http://a" + c,
                                     "http://a/" + c, "http://a/?" + c, "http://a?" + c,
                                     "http://a/#" + c, "http:/" + c + "a/", "http" + c + "//a/"}) {
        check(url);
      }
    }
  }
  EXPECT_GT(accepted(), 256 * 4);
}

TEST_F(UrlAgreementTest, OnAddressesNumbersAndPorts) {
  for (const char* host : {"1.2.3.4",
                           "1.2.3",
                           "1.2",
                           "1",
                           "0x7f.1",
                           "0x7f000001",
                           "0177.1",
                           "2130706433",
                           "4294967295",
                           "4294967296",
                           "99999999999999999999",
                           "256.1",
                           "1.256.1.1",
                           "1.2.3.4.5",
                           "1.2.3.4.",
                           "1.",
                           "08",
                           "08.1",
                           "0x",
                           "0x.1",
                           "0xg",
                           "1e3",
                           "0x7f.0x0.0x0.0x1",
                           "00.1",
                           "%31.2.3.4",
                           "1%2e2.3.4",
                           "web.1",
                           "1.web",
                           "-1",
                           "1.-1",
                           "_",
                           "-",
                           "a.",
                           "a..",
                           ".",
                           "..",
                           ".a",
                           "a..b",
                           "xn--",
                           "xn--a",
                           "xn--zzzzzz",
                           "XN--BCHER-KVA",
                           "localhost",
                           "LOCALHOST"}) {
    check_host(host);
    check_host(std::string(host) + ":80");
  }
  EXPECT_GT(accepted(), 40);
  for (const char* address : {"::",
                              "::1",
                              "1::",
                              "::1.2.3.4",
                              "::ffff:1.2.3.4",
                              "::1.2.3",
                              "::01.2.3.4",
                              "::256.1.1.1",
                              "1:2:3:4:5:6:7:8",
                              "1:2:3:4:5:6:7::",
                              "::2:3:4:5:6:7:8",
                              "1:2:3:4:5:6:7",
                              "1::2::3",
                              "1:2:3:4:5:6:7:8:9",
                              "1:2:3:4:5:6:1.2.3.4",
                              "::12345",
                              "::g",
                              ":1",
                              "1:",
                              "fe80::1%25lo",
                              "fe80::1%lo",
                              "fe80::1%25",
                              "",
                              ":",
                              ":::",
                              "::%31",
                              "v1.x",
                              "1.2.3.4",
                              "0001::0A0b",
                              "::1 ",
                              "::1%00"}) {
    check_host("[" + std::string(address) + "]");
    check_host("[" + std::string(address) + "]:80");
    check_host("[" + std::string(address) + "]80");
  }
  EXPECT_GE(accepted(), 20);
  for (const char* port : {"",
                           "0",
                           "00",
                           "1",
                           "80",
                           "080",
                           "0000000000000000000080",
                           "65535",
                           "65536",
                           "99999",
                           "4294967376",
                           "18446744073709551696",
                           "8a",
                           "+80",
                           "-80",
                           " 80",
                           "80 ",
                           "0x50",
                           "80:80",
                           "%38%30"}) {
    check_host("a:" + std::string(port));
    check_host("[::1]:" + std::string(port));
  }
  EXPECT_GT(accepted(), 8);
}

TEST_F(UrlAgreementTest, OnRandomUrls) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {
      "a",   "Z",   "0",   "7",   "1.2",    "255",      "256",       "0x",         "xn--", "-", "_",
      ".",   "..",  ":",   "[",   "]",      "::",       "/",         "?",          "#",    "@", "%",
      "%2e", "%2E", "%41", "%00", "%C3%BC", "\xC3\xBC", ",",         "~",          "\\",   " ", "&",
      "=",   "+",   "{",   "|",   ":80",    "[::1]",    "127.0.0.1", "example.com"};
  for (int i = 0; i < 8'000; ++i) {
    std::string url = random() % 8 ? "http://" : "http:";
    if (random() % 2) url += "a";
    for (auto left = 1 + random() % 5; left > 0; --left) url += pieces[random() % pieces.size()];
    check(url);
  }
  EXPECT_GT(accepted(), 200);
}

TEST_F(UrlAgreementTest, OnLengths) {
  for (const std::size_t size : {63u, 64u, 251u, 252u, 253u, 254u, 8190u}) {
    std::string host;
    while (host.size() < size) host += host.size() % 4 == 3 ? '.' : 'a';
    check_host(host);
    check_host(std::string(size, 'a'));
    check("http://a/" + std::string(size - 9, 'a'));
  }
  EXPECT_GT(accepted(), 8);
}

}  // namespace
}  // namespace rhooks::delivery
