// What arrives on a connection between two requests is not taken for the answer to the next one.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "net/curl_loop.h"
#include "net/easy_handle.h"
#include "testing/late_bytes.h"
#include "testing/patience.h"
#include "testing/test_http2_receiver.h"
#include "testing/test_receiver.h"

namespace rhooks::net {
namespace {

using std::chrono::milliseconds;
using testing::late_case_name;
using testing::late_cases;
using testing::LateCase;
using testing::LateKind;
using testing::TestHttp2Receiver;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

class IdleFixture {
 public:
  IdleFixture() {
    auto created = CurlLoop::create({.connections_max = 64});
    EXPECT_TRUE(created) << created.error().message;
    loop_ = std::move(*created);
  }

  struct Answer {
    CURLcode code = CURLE_OK;
    long status = 0;
    std::string body;
    int sends = 0;
  };

  // As many requests at once; their answers in no order.
  std::vector<Answer> get(const std::string& url, const std::string& ca_file, std::size_t count = 1,
                          bool head = false) {
    std::vector<std::string> bodies(count);
    for (std::string& body : bodies) {
      CURL* const easy = loop_->take_handle();
      EXPECT_EQ(set_common_options(easy, {.ca_file = ca_file}), CURLE_OK);
      curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
      curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
      curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &IdleFixture::on_body);
      curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
      EXPECT_EQ(loop_->add(easy), CURLM_OK);
    }
    std::vector<Answer> answers;
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    while (answers.size() < count && std::chrono::steady_clock::now() < deadline) {
      for (const auto& [easy, code] : loop_->run(milliseconds{200})) {
        Answer answer{code, 0, {}, CurlLoop::sends(easy)};
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
        answers.push_back(answer);
        loop_->give_handle_back(easy);
      }
    }
    EXPECT_EQ(answers.size(), count);
    answers.resize(count);
    for (std::size_t i = 0; i < count; ++i) answers[i].body = std::move(bodies[i]);
    return answers;
  }

  // Runs the loop, with no transfer in it, until the receiver has as many connections left.
  bool run_until_open(const TestReceiver& receiver, std::size_t connections) {
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    while (receiver.open_connections() > connections) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      EXPECT_TRUE(loop_->run(milliseconds{5}).empty());
    }
    return true;
  }

 private:
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
  }

  std::unique_ptr<CurlLoop> loop_;
};

class LateBytesTest : public ::testing::TestWithParam<LateCase> {
 protected:
  static TestReceiver::Options options(TestReceiver::Handler handler) {
    TestReceiver::Options options;
    options.handler = std::move(handler);
    options.tls = GetParam().tls;
    return options;
  }

  const LateKind kind_ = GetParam().kind;
};

// They have arrived, and the loop has not looked since the last transfer ended.
TEST_P(LateBytesTest, AreNoAnswerToTheNextRequest) {
  TestReceiver receiver(options([this](const TestRequest&) { return kind_.answer; }));
  IdleFixture fixture;
  for (std::size_t i = 1; i <= 4; ++i) {
    const auto answer = fixture.get(receiver.url(), receiver.ca_file(), 1, kind_.head).at(0);
    EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
    EXPECT_EQ(answer.status, kind_.answer.status);
    EXPECT_EQ(answer.body, kind_.head ? "" : kind_.answer.body);
    EXPECT_EQ(answer.sends, 1) << "written once, on the connection that is good";
    EXPECT_EQ(receiver.request_count(), i) << "the receiver has read it";
    EXPECT_EQ(receiver.connections(), i) << "the connection is not used again";
    EXPECT_EQ(receiver.write_late(), 1u);
  }
}

// However many connections are spoilt, a transfer gets one that is not.
TEST_P(LateBytesTest, OnManyConnectionsAtOnceSpoilNoRequest) {
  constexpr std::size_t kAtOnce = 12;
  TestReceiver receiver(options([this](const TestRequest&) {
    TestResponse answer = kind_.answer;
    answer.delay = milliseconds{20};  // so that each request has a connection of its own
    return answer;
  }));
  IdleFixture fixture;
  std::size_t written = 0;
  for (std::size_t round = 1; round <= 2; ++round) {
    for (const auto& answer :
         fixture.get(receiver.url(), receiver.ca_file(), kAtOnce, kind_.head)) {
      EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
      EXPECT_EQ(answer.status, kind_.answer.status);
      EXPECT_EQ(answer.sends, 1);
    }
    EXPECT_EQ(receiver.request_count(), round * kAtOnce);
    written += receiver.write_late();
  }
  EXPECT_GT(written, kAtOnce);
}

TEST_P(LateBytesTest, HaveTheirConnectionClosedAsSoonAsTheyAreSeen) {
  TestReceiver receiver(options([this](const TestRequest&) { return kind_.answer; }));
  IdleFixture fixture;
  fixture.get(receiver.url(), receiver.ca_file(), 1, kind_.head);
  EXPECT_EQ(receiver.write_late(), 1u);
  EXPECT_TRUE(fixture.run_until_open(receiver, 0));
  const auto answer = fixture.get(receiver.url(), receiver.ca_file(), 1, kind_.head).at(0);
  EXPECT_EQ(answer.status, kind_.answer.status);
  EXPECT_EQ(receiver.request_count(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, LateBytesTest, ::testing::ValuesIn(late_cases()), late_case_name);

// TLS hands over whole records: what follows the answer in one may be read from the socket, and not
// yet from TLS. Over plain HTTP it waits in the socket.
class ExcessTest : public ::testing::TestWithParam<bool> {};

TEST_P(ExcessTest, IsNoAnswerToTheNextRequest) {
  TestReceiver::Options options;
  options.tls = GetParam();
  options.handler = [](const TestRequest& request) {
    TestResponse response = TestResponse::with_status(200, request.target);
    response.excess = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate";
    return response;
  };
  TestReceiver receiver(options);
  IdleFixture fixture;
  for (std::size_t i = 1; i <= 5; ++i) {
    const std::string path = "/" + std::to_string(i);
    const auto answer = fixture.get(receiver.url(path), receiver.ca_file()).at(0);
    EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
    EXPECT_EQ(answer.body, path);
    EXPECT_EQ(answer.sends, 1);
    EXPECT_EQ(receiver.request_count(), i);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, ExcessTest, ::testing::Bool(),
                         [](const auto& tls) { return tls.param ? "https" : "http"; });

// HTTP/2 has frames that belong to no request, and says of the others to which they belong.
TEST(IdleHttp2Test, FramesOfTheConnectionLeaveItAsItIs) {
  TestHttp2Receiver receiver;
  IdleFixture fixture;
  for (std::size_t i = 1; i <= 5; ++i) {
    const auto answer = fixture.get(receiver.url(), receiver.ca_file()).at(0);
    EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(receiver.request_count(), i);
    receiver.write(testing::http2_ping());
  }
  EXPECT_EQ(receiver.connections(), 1u);
}

TEST(IdleHttp2Test, ASecondAnswerIsNoneToTheNextRequest) {
  TestHttp2Receiver receiver;
  IdleFixture fixture;
  std::uint32_t last_stream = 1;
  for (std::size_t i = 1; i <= 5; ++i) {
    const auto answer = fixture.get(receiver.url(), receiver.ca_file()).at(0);
    EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(receiver.request_count(), i);
    receiver.write(testing::http2_answer(last_stream, false));
    last_stream += 2;
  }
}

TEST(IdleHttp2Test, ASessionThatIsToEndTakesNoMore) {
  TestHttp2Receiver receiver;
  IdleFixture fixture;
  for (std::size_t i = 1; i <= 3; ++i) {
    const auto answer = fixture.get(receiver.url(), receiver.ca_file()).at(0);
    EXPECT_EQ(answer.code, CURLE_OK) << curl_easy_strerror(answer.code);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(receiver.request_count(), i);
    EXPECT_EQ(receiver.connections(), i);
    receiver.write(testing::http2_goaway(1));
  }
}

}  // namespace
}  // namespace rhooks::net
