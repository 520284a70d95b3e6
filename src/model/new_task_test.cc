#include "model/new_task.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/clock.h"
#include "base/utf8.h"
#include "model/limits.h"

namespace rhooks::model {
namespace {

NewTask valid_task() {
  NewTask task;
  task.ns = "my-app";
  task.request.method = Method::kPost;
  task.request.url = "https://example.com/hook";
  return task;
}

NewTask with(const std::function<void(NewTask&)>& change) {
  NewTask task = valid_task();
  change(task);
  return task;
}

void expect_valid(const NewTask& task) {
  const auto ok = validate(task);
  EXPECT_TRUE(ok.has_value()) << ok.error().message;
}

// It is refused, the field is named, and the message is fit to be shown: it names the field,
// says `part`, and holds nothing raw.
void expect_invalid(const NewTask& task, const std::string& field, const std::string& part) {
  const auto ok = validate(task);
  ASSERT_FALSE(ok.has_value()) << "accepted; expected " << field << ": " << part;
  EXPECT_EQ(ok.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ok.error().field, field);
  EXPECT_TRUE(ok.error().message.starts_with(field + ": ")) << ok.error().message;
  EXPECT_NE(ok.error().message.find(part), std::string::npos) << ok.error().message;
  EXPECT_TRUE(is_utf8(ok.error().message));
  EXPECT_FALSE(has_control(ok.error().message));
  EXPECT_LE(ok.error().message.size(), 400u);
}

TEST(ValidateTest, AcceptsTheLeastAndTheFullestTask) {
  expect_valid(valid_task());
  expect_valid(with([](NewTask& t) {
    t.id_prefix = "orders";
    t.idempotency_key = "key";
    t.request.headers = {{"Content-Type", "application/json"}, {"X-Tab", "a\tb"}, {"X-Empty", ""}};
    t.request.body = Body::json("{\"key\":\"value\"}");
    t.scheduled_date = kTimeMax;
    t.repeat = Repeat{.interval = 5, .max = 0, .unit = RepeatUnit::kDays};
    t.retry_limit = 100;
  }));
}

TEST(ValidateTest, BoundsTheNamespace) {
  expect_valid(with([](NewTask& t) { t.ns = "a"; }));
  expect_valid(with([](NewTask& t) { t.ns = std::string(256, 'a'); }));
  expect_valid(with([](NewTask& t) { t.ns = "Ünïcode / with spaces # and ?"; }));
  expect_invalid(with([](NewTask& t) { t.ns = ""; }), "namespace", "must not be empty");
  expect_invalid(with([](NewTask& t) { t.ns = std::string(257, 'a'); }), "namespace",
                 "has 257 bytes; at most 256");
  expect_invalid(with([](NewTask& t) { t.ns = "a\xff"; }), "namespace", "UTF-8");
  for (std::string ns : {std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"),
                         std::string("a\xc2\x85")}) {
    expect_invalid(with([&](NewTask& t) { t.ns = ns; }), "namespace", "control characters");
  }
  expect_invalid(with([](NewTask& t) { t.ns = "."; }), "namespace", "must not be \".\"");
  expect_invalid(with([](NewTask& t) { t.ns = ".."; }), "namespace", "must not be \"..\"");
  expect_valid(with([](NewTask& t) { t.ns = "..."; }));
}

TEST(ValidateTest, CountsBytesNotCharacters) {
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "ä";
  expect_valid(with([&](NewTask& t) { t.ns = umlauts; }));
  expect_invalid(with([&](NewTask& t) { t.ns = umlauts + "a"; }), "namespace", "257 bytes");
}

TEST(ValidateTest, BoundsTheId) {
  expect_valid(with([](NewTask& t) { t.id = std::string(512, 'x'); }));
  expect_valid(with([](NewTask& t) { t.id = "orders#1/2"; }));
  expect_invalid(with([](NewTask& t) { t.id = std::string(513, 'x'); }), "id",
                 "has 513 bytes; at most 512");
  expect_invalid(with([](NewTask& t) { t.id = "a\rb"; }), "id", "control");
  expect_invalid(with([](NewTask& t) { t.id = "\xc3"; }), "id", "UTF-8");
}

TEST(ValidateTest, BoundsTheIdPrefixSoThatTheWholeIdFits) {
  expect_valid(with([](NewTask& t) { t.id_prefix = std::string(475, 'p'); }));
  expect_invalid(with([](NewTask& t) { t.id_prefix = std::string(476, 'p'); }), "idPrefix",
                 "has 476 bytes; at most 475");
  expect_invalid(with([](NewTask& t) { t.id_prefix = "a\tb"; }), "idPrefix", "control");

  const NewTask longest = with([](NewTask& t) { t.id_prefix = std::string(475, 'p'); });
  EXPECT_EQ(make_record(longest, kTimeMin, Uuid{}).task.key.id.size(), kIdBytesMax);
}

TEST(ValidateTest, ChoosesOneSourceOfTheId) {
  expect_invalid(with([](NewTask& t) {
                   t.id = "mine";
                   t.id_prefix = "p";
                 }),
                 "idPrefix", "excludes id");
  expect_invalid(with([](NewTask& t) {
                   t.id = "mine";
                   t.idempotency_key = "k";
                 }),
                 "idempotencyKey", "excludes id");
}

TEST(ValidateTest, BoundsTheIdempotencyKey) {
  expect_valid(with([](NewTask& t) { t.idempotency_key = std::string(256, 'k'); }));
  expect_invalid(with([](NewTask& t) { t.idempotency_key = std::string(257, 'k'); }),
                 "idempotencyKey", "at most 256");
  expect_invalid(with([](NewTask& t) { t.idempotency_key = "a\nb"; }), "idempotencyKey", "control");
}

TEST(ValidateTest, TakesAUrlByItsRules) {
  expect_invalid(with([](NewTask& t) { t.request.url = "http://a,b/"; }), "url", "\",\"");
}

TEST(ValidateTest, AUrlOrAnEndpointSaysWhereItGoes) {
  const auto to = [](std::string endpoint, std::string url, std::string key = {}) {
    return with([&](NewTask& t) {
      t.endpoint = std::move(endpoint);
      t.request.url = std::move(url);
      t.flow_key = std::move(key);
    });
  };
  for (const char* rest : {"", "/", "/orders?x=2", "?x=2"}) expect_valid(to("acme", rest, "k"));
  expect_valid(to("acme", "", std::string(128, 'k')));
  expect_invalid(to("", ""), "url", "is required, unless there is an endpoint");
  expect_invalid(to("", "/orders"), "url", "must begin with http:// or https://");
  expect_invalid(to("acme", "https://example.com/"), "url", "the endpoint says where it goes");
  expect_invalid(to("acme", "orders"), "url", "from \"/\" or \"?\" on");
  expect_invalid(to("acme", "/a b"), "url", "a space");
  expect_invalid(to("", "http://a/", "k"), "flowKey", "needs an endpoint");
  expect_invalid(to("a b", ""), "endpoint", "must be 1 to 128 letters, digits");
  expect_invalid(to("acme", "", std::string(129, 'k')), "flowKey", "at most 128");
  expect_invalid(to("acme", "", "a\n"), "flowKey", "control");
}

TEST(FingerprintTest, RetriesAreContentWhereAnEndpointMaySayOtherwise) {
  const auto task = [](const char* endpoint, std::optional<int> limit) {
    return with([&](NewTask& t) {
      t.endpoint = endpoint;
      if (*endpoint != 0) t.request.url.clear();
      t.retry_limit = limit;
    });
  };
  EXPECT_EQ(fingerprint(task("", 3)), fingerprint(task("", std::nullopt)));
  EXPECT_NE(fingerprint(task("acme", 3)), fingerprint(task("acme", std::nullopt)));
  EXPECT_NE(fingerprint(task("acme", 3)), fingerprint(task("other", 3)));
  EXPECT_EQ(make_record(task("", 3), kTimeMin, {}).task.retry_limit, std::nullopt);
  EXPECT_EQ(make_record(task("acme", 3), kTimeMin, {}).task.retry_limit, 3);
}

TEST(ValidateTest, BoundsTheNumberOfHeaders) {
  expect_valid(with([](NewTask& t) { t.request.headers.assign(64, {"x", "y"}); }));
  expect_invalid(with([](NewTask& t) {
                   t.request.headers.assign(65, {"x", "y"});
                 }),
                 "headers", "has 65 headers; at most 64");
}

TEST(ValidateTest, BoundsTheBytesOfHeaders) {
  expect_valid(with([](NewTask& t) {
    t.request.headers = {{"x", std::string(16'000, 'a')}, {"yy", std::string(16'765, 'a')}};
  }));
  expect_invalid(
      with([](NewTask& t) {
        t.request.headers = {{"x", std::string(16'000, 'a')}, {"yy", std::string(16'766, 'a')}};
      }),
      "headers", "has 32769 bytes");
}

TEST(ValidateTest, TakesExactlyTokensAsHeaderNames) {
  const std::string token = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    const bool is_token_char = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                               (c >= 'A' && c <= 'Z') ||
                               (c != 0 && token.find(static_cast<char>(c)) != std::string::npos);
    const std::string name = std::string("x") + static_cast<char>(c) + "y";
    SCOPED_TRACE(c);
    const NewTask task = with([&](NewTask& t) { t.request.headers = {{name, "v"}}; });
    if (is_token_char) {
      expect_valid(task);
    } else {
      expect_invalid(task, "headers", "is not a header name");
    }
  }
  expect_invalid(with([](NewTask& t) {
                   t.request.headers = {{"", "v"}};
                 }),
                 "headers", "is not a header name");
}

TEST(ValidateTest, TakesTextWithTabsAsHeaderValues) {
  for (int c = 0; c < 128; ++c) {
    const std::string value = std::string("a") + static_cast<char>(c) + "b";
    SCOPED_TRACE(c);
    const NewTask task = with([&](NewTask& t) { t.request.headers = {{"x-h", value}}; });
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
      expect_valid(task);
    } else {
      expect_invalid(task, "headers", "the value of \"x-h\" must not contain line breaks");
    }
  }
  expect_valid(with([](NewTask& t) { t.request.headers = {{"x-h", "grün"}}; }));
  expect_invalid(with([](NewTask& t) {
                   t.request.headers = {{"x-h", "gr\xfcn"}};
                 }),
                 "headers", "UTF-8");
}

TEST(ValidateTest, NeverShowsTheValueOfAHeader) {
  const auto ok = validate(with([](NewTask& t) {
    t.request.headers = {{"Authorization", "hunter2\n"}};
  }));
  ASSERT_FALSE(ok.has_value());
  EXPECT_EQ(ok.error().message.find("hunter2"), std::string::npos);
}

TEST(ValidateTest, RefusesHeadersThatAreNotTheCallersToSet) {
  const std::pair<const char*, const char*> cases[] = {
      {"Host", "taken from the URL"},
      {"hOsT", "taken from the URL"},
      {"Content-Length", "computed from the body"},
      {"Transfer-Encoding", "connection"},
      {"Connection", "connection"},
      {"Keep-Alive", "connection"},
      {"Proxy-Connection", "connection"},
      {"Upgrade", "connection"},
      {"HTTP2-Settings", "connection"},
      {"TE", "connection"},
      {"Trailer", "connection"},
      {"Expect", "connection"},
      {"Webhook-Id", "recognise repeats"},
      {"WEBHOOK-TIMESTAMP", "recognise repeats"},
      {"webhook-signature", "reserved"},
  };
  for (const auto& [name, part] : cases) {
    SCOPED_TRACE(name);
    expect_invalid(with([&, n = name](NewTask& t) {
                     t.request.headers = {{n, "x"}};
                   }),
                   "headers", part);
  }
  for (const char* name : {"Content-Type", "Authorization", "User-Agent", "Hostname", "X-Host",
                           "webhook-idx", "Accept-Encoding", "Cookie"}) {
    SCOPED_TRACE(name);
    expect_valid(with([&](NewTask& t) { t.request.headers = {{name, "x"}}; }));
  }
}

TEST(ValidateTest, TakesOneHeaderOfAKindThatIsNoList) {
  for (const char* name :
       {"Authorization", "Content-Disposition", "Content-Location", "Content-Range", "Content-Type",
        "Cookie", "Date", "From", "If-Modified-Since", "If-Range", "If-Unmodified-Since",
        "Max-Forwards", "Origin", "Proxy-Authorization", "Range", "Referer", "User-Agent"}) {
    SCOPED_TRACE(name);
    std::string other_case = name;
    other_case[0] = static_cast<char>(other_case[0] - 'A' + 'a');
    expect_valid(with([&](NewTask& t) { t.request.headers = {{name, "a"}}; }));
    expect_invalid(with([&](NewTask& t) {
                     t.request.headers = {{name, "a"}, {"X-Between", "1"}, {other_case, "b"}};
                   }),
                   "headers", "\"" + other_case + "\" is given more than once");
    expect_invalid(with([&](NewTask& t) {
                     t.request.headers = {{name, "a"}, {name, "a"}};
                   }),
                   "headers", "more than once");
  }
  for (const char* name : {"Accept", "Accept-Encoding", "Cache-Control", "Content-Encoding",
                           "Forwarded", "If-Match", "Prefer", "Via", "X-Hub-Signature"}) {
    SCOPED_TRACE(name);
    expect_valid(with([&](NewTask& t) { t.request.headers = {{name, "a"}, {name, "b"}}; }));
  }
}

TEST(ValidateTest, BoundsTheBody) {
  expect_valid(with([](NewTask& t) { t.request.body = Body::text(std::string(262'144, 'a')); }));
  expect_invalid(with([](NewTask& t) { t.request.body = Body::text(std::string(262'145, 'a')); }),
                 "body", "has 262145 bytes; at most 262144");
  expect_invalid(with([](NewTask& t) { t.request.body = Body::json(std::string(262'145, '1')); }),
                 "body", "at most 262144");
}

TEST(ValidateTest, WantsABodyThatAgreesWithItsKind) {
  expect_valid(with([](NewTask& t) { t.request.body = Body::text(""); }));
  expect_valid(with([](NewTask& t) { t.request.body = Body::text(std::string("a\0\n\tü", 6)); }));
  expect_invalid(with([](NewTask& t) { t.request.body = Body::json(""); }), "body", "JSON value");
  expect_invalid(with([](NewTask& t) {
                   t.request.body = {Body::Kind::kNone, "x"};
                 }),
                 "body", "no kind");
  expect_invalid(with([](NewTask& t) { t.request.body = Body::text("\xff"); }), "body", "UTF-8");
  expect_invalid(with([](NewTask& t) { t.request.body = Body::json("\"\xff\""); }), "body",
                 "UTF-8");
}

TEST(ValidateTest, BoundsTheDescription) {
  expect_valid(with([](NewTask& t) { t.description = std::string(1024, 'd'); }));
  expect_valid(with([](NewTask& t) { t.description = "on two\nlines, größer"; }));
  expect_invalid(with([](NewTask& t) { t.description = std::string(1025, 'd'); }), "description",
                 "has 1025 bytes; at most 1024");
  expect_invalid(with([](NewTask& t) { t.description = "\xff"; }), "description", "UTF-8");
}

TEST(ValidateTest, BoundsTheRetryLimit) {
  for (int limit = -3; limit <= 103; ++limit) {
    SCOPED_TRACE(limit);
    const NewTask task = with([&](NewTask& t) { t.retry_limit = limit; });
    if (limit >= 0 && limit <= 100) {
      expect_valid(task);
    } else {
      expect_invalid(task, "retryLimit", "between 0 and 100, not " + std::to_string(limit));
    }
  }
  expect_valid(with([](NewTask& t) { t.retry_limit.reset(); }));
  expect_invalid(with([](NewTask& t) { t.retry_limit = std::numeric_limits<int>::min(); }),
                 "retryLimit", "between");
}

TEST(ValidateTest, BoundsTheTimeout) {
  using std::chrono::milliseconds;
  const auto taking = [](milliseconds timeout) {
    return with([=](NewTask& t) { t.timeout = timeout; });
  };
  expect_valid(taking(milliseconds{1}));
  expect_valid(taking(milliseconds{86'400'000}));
  expect_invalid(taking(milliseconds{0}), "timeout", "must be between 1ms and 1d, not 0");
  expect_invalid(taking(milliseconds{-1}), "timeout", "not -1ms");
  expect_invalid(taking(milliseconds{86'400'001}), "timeout", "not 1d1ms");
  expect_invalid(taking(milliseconds::min()), "timeout", "between");
}

TEST(ValidateTest, ATimeToDeliverBeforeLeavesTimeForAnAttempt) {
  using std::chrono::milliseconds;
  const TimePoint at{milliseconds{1'900'000'000'000}};
  const auto before = [=](TimePoint end, bool dated) {
    return with([=](NewTask& t) {
      t.repeat.reset();
      t.scheduled_date.reset();
      if (dated) t.scheduled_date = at;
      t.deliver_before = end;
    });
  };
  expect_valid(before(at + milliseconds{1}, true));
  expect_invalid(before(at, true), "deliverBefore", "is not after scheduledDate");
  expect_valid(before(at - milliseconds{1}, false));
  expect_valid(before(kTimeMin, false));
  expect_invalid(before(kTimeMax + milliseconds{1}, false), "deliverBefore", "1970 to 9999");
  expect_invalid(with([=](NewTask& t) {
                   t.repeat = Repeat{};
                   t.deliver_before = at;
                 }),
                 "deliverBefore", "excludes repeat");
}

TEST(ValidateTest, ACallbackIsToldOfKnownEnds) {
  const auto told = [](std::string callback, std::vector<std::string> on) {
    return with([&](NewTask& t) {
      t.callback = callback;
      t.callback_on = on;
    });
  };
  expect_valid(told("audit", {}));
  expect_valid(told("audit", {"task.failed"}));
  expect_valid(told("audit", {"task.succeeded", "task.failed"}));
  expect_invalid(told("http://a/", {}), "callback", "letters, digits");
  expect_invalid(told("", {"task.failed"}), "callbackOn", "needs a callback");
  expect_invalid(told("audit", {"task.failed", "task.ended"}), "callbackOn[1]",
                 "not \"task.ended\"");
  expect_invalid(told("audit", {"task.failed", "task.failed"}), "callbackOn[1]", "there already");
  expect_invalid(told("audit", {"endpoint.opened"}), "callbackOn[0]",
                 "must be one of task.succeeded, task.failed, not \"endpoint.opened\"");
}

TEST(FingerprintTest, TheOrderOfEventsMeansNothing) {
  NewTask task = valid_task();
  task.callback = "audit";
  const Fingerprint both = fingerprint(task);
  task.callback_on = {"task.succeeded", "task.failed"};
  const Fingerprint named = fingerprint(task);
  EXPECT_NE(named, both);
  task.callback_on = {"task.failed", "task.succeeded"};
  EXPECT_EQ(fingerprint(task), named);
  task.callback_on = {"task.failed"};
  EXPECT_NE(fingerprint(task), named);
  EXPECT_NE(fingerprint(valid_task()), both);
}

TEST(ValidateTest, BoundsTheInterval) {
  const auto repeating = [](std::int64_t interval, RepeatUnit unit) {
    return with([=](NewTask& t) { t.repeat = Repeat{interval, 0, unit}; });
  };
  const std::pair<RepeatUnit, std::int64_t> longest[] = {{RepeatUnit::kSeconds, 36'525LL * 86'400},
                                                         {RepeatUnit::kMinutes, 36'525LL * 1'440},
                                                         {RepeatUnit::kHours, 36'525LL * 24},
                                                         {RepeatUnit::kDays, 36'525}};
  for (const auto& [unit, most] : longest) {
    SCOPED_TRACE(to_string(unit));
    expect_valid(repeating(1, unit));
    expect_valid(repeating(most, unit));
    for (std::int64_t interval : {most + 1, most * 1000, std::numeric_limits<std::int64_t>::max(),
                                  std::numeric_limits<std::int64_t>::max() / 86'400'000 + 1}) {
      expect_invalid(repeating(interval, unit), "repeat.interval", "100 years");
    }
    for (std::int64_t interval :
         {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
      expect_invalid(repeating(interval, unit), "repeat.interval", "at least 1");
    }
  }
}

TEST(ValidateTest, BoundsTheNumberOfRepeats) {
  const auto repeating = [](std::int64_t max) {
    return with([=](NewTask& t) { t.repeat = Repeat{1, max, RepeatUnit::kHours}; });
  };
  expect_valid(repeating(0));
  expect_valid(repeating(1));
  expect_valid(repeating(std::numeric_limits<std::int64_t>::max()));
  expect_invalid(repeating(-1), "repeat.max", "0 (for ever) or more, not -1");
}

TEST(ValidateTest, BoundsTheScheduledDate) {
  const auto at = [](TimePoint t0) { return with([=](NewTask& t) { t.scheduled_date = t0; }); };
  expect_valid(at(kTimeMin));
  expect_valid(at(kTimeMax));
  for (TimePoint t :
       {kTimeMin - std::chrono::milliseconds{1}, kTimeMax + std::chrono::milliseconds{1},
        TimePoint::min(), TimePoint::max()}) {
    expect_invalid(at(t), "scheduledDate", "1970 to 9999");
  }
}

TEST(ValidateFieldsTest, TakeTheNameOfTheField) {
  EXPECT_TRUE(validate_id("x").has_value());
  EXPECT_TRUE(validate_namespace("x").has_value());
  EXPECT_EQ(validate_id("").error().field, "id");
  EXPECT_EQ(validate_id("", "taskId").error().field, "taskId");
  EXPECT_EQ(validate_namespace("").error().field, "namespace");
}

}  // namespace
}  // namespace rhooks::model
