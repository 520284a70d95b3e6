#include "testing/late_bytes.h"

#include <ostream>
#include <utility>

namespace rhooks::testing {
namespace {

using After = TestResponse::After;

LateKind kind(std::string name, int status, std::string late, After after) {
  LateKind kind{std::move(name), TestResponse::with_status(status, status == 204 ? "" : "ok")};
  kind.answer.late = std::move(late);
  kind.answer.after_late = after;
  return kind;
}

}  // namespace

const std::vector<LateKind>& late_kinds() {
  static const std::vector<LateKind> kinds = [] {
    const std::string second = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate";
    std::vector<LateKind> all = {
        kind("SecondAnswer", 200, second, After::kOpen),
        kind("SecondAnswerThenClosed", 200, second, After::kClosed),
        kind("SecondAnswerThenHalfClosed", 200, second, After::kHalfClosed),
        kind("BeginningOfAnAnswer", 200, second.substr(0, 20), After::kOpen),
        kind("InterimAnswer", 200, "HTTP/1.1 103 Early Hints\r\n\r\n", After::kOpen),
        kind("BodyOf204", 204, "a body", After::kOpen),
        kind("StrayLineEnd", 200, "\r\n", After::kOpen),
        kind("TimeoutOfAProxy", 200,
             "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
             After::kClosed),
        kind("OverloadOfAProxy", 200,
             "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3600\r\ncontent-length: 0\r\n"
             "connection: close\r\n\r\n",
             After::kClosed),
        kind("Junk", 200, std::string("\x00\x16\x03junk\xFF", 8), After::kOpen),
        kind("BodyOfHead", 200, "ok", After::kOpen),
    };
    all.back().head = true;
    return all;
  }();
  return kinds;
}

std::vector<LateCase> late_cases() {
  std::vector<LateCase> cases;
  for (const LateKind& kind : late_kinds()) {
    for (const bool tls : {false, true}) cases.push_back({kind, tls});
  }
  return cases;
}

std::string late_case_name(const ::testing::TestParamInfo<LateCase>& info) {
  return info.param.kind.name + (info.param.tls ? "_https" : "_http");
}

void PrintTo(const LateCase& param, std::ostream* out) {
  *out << late_case_name({param, 0});
}

}  // namespace rhooks::testing
