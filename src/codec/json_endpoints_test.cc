// Endpoints: as they are put, changed, shown, stored and tested.

#include <gtest/gtest.h>

#include "base/clock.h"
#include "codec/public_json.h"
#include "model/endpoint.h"

namespace rhooks::codec {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kPutAt{std::chrono::milliseconds{1'769'862'896'789}};
constexpr const char* kRevision = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

Endpoint full_endpoint() {
  Endpoint endpoint;
  endpoint.ns = "shop";
  endpoint.name = "acme";
  endpoint.description = "the \"warehouse\"";
  endpoint.url = "https://hooks.acme.example/in?token=7";
  endpoint.headers = {{"X-Shop", "7"}, {"X-List", "a"}, {"X-List", "b"}};
  endpoint.timeout = 90s;
  endpoint.retry_limit = 0;
  endpoint.concurrency = 10;
  endpoint.rate = Rate{100, 60s};
  endpoint.burst = 5;
  endpoint.ordered = true;
  endpoint.signing = "acme-hmac";
  endpoint.auth = "acme-token";
  endpoint.paused = true;
  endpoint.revision = kRevision;
  endpoint.created_at = kPutAt;
  endpoint.updated_at = kPutAt + 1ms;
  return endpoint;
}

Endpoint least_endpoint() {
  Endpoint endpoint;
  endpoint.ns = "shop";
  endpoint.name = "acme";
  endpoint.url = "http://a/";
  return endpoint;
}

// Without what the scheduler sets.
Endpoint as_given(Endpoint endpoint) {
  endpoint.paused = false;
  endpoint.revision.clear();
  endpoint.created_at = endpoint.updated_at = TimePoint{};
  return endpoint;
}

// The field that is named, after the kind of error was checked.
std::string refused_member(const Result<Endpoint>& read) {
  if (read) return "none";
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  return read.error().field;
}

TEST(EndpointJsonTest, IsShownByItsFields) {
  EXPECT_EQ(
      to_json(full_endpoint()),
      R"({"namespace":"shop","name":"acme","description":"the \"warehouse\"",)"
      R"("url":"https://hooks.acme.example/in?token=7",)"
      R"("headers":{"X-Shop":"7","X-List":["a","b"]},"timeout":"1m30s","retryLimit":0,)"
      R"("concurrency":10,"rate":"100/1m","burst":5,"ordered":true,"signing":"acme-hmac",)"
      R"("auth":"acme-token","paused":true,)"
      R"("revision":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f",)"
      R"("__createdAt":"2026-01-31T12:34:56.789Z","__updatedAt":"2026-01-31T12:34:56.790Z"})");
}

TEST(EndpointJsonTest, WhatIsShownComesBackToAClient) {
  EXPECT_EQ(parse_endpoint(to_json(full_endpoint())), full_endpoint());
  const EndpointPage page{{full_endpoint(), full_endpoint()}, "key"};
  const auto back = parse_endpoint_page(to_json(page));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->items, page.items);
  EXPECT_EQ(back->last_evaluated_key, "key");
  // A newer server may have more to say, an older one never had less.
  std::string newer = to_json(full_endpoint());
  newer.back() = ',';
  newer += R"("later":1})";
  EXPECT_EQ(parse_endpoint(newer), full_endpoint());
  const auto less = parse_endpoint(R"({"namespace":"shop","name":"acme","url":"http://a/"})");
  ASSERT_FALSE(less);
  EXPECT_EQ(less.error().code, ErrorCode::kInternal);
  EXPECT_EQ(less.error().field, "revision");
}

TEST(EndpointJsonTest, WhatIsShownCanBePut) {
  EXPECT_EQ(parse_new_endpoint(to_json(full_endpoint()), "shop", "acme"),
            as_given(full_endpoint()));
  // Whatever stands there.
  EXPECT_EQ(
      parse_new_endpoint(R"({"url":"http://a/","paused":true,"revision":7,"__createdAt":null})",
                         "shop", "acme"),
      least_endpoint());
}

TEST(EndpointJsonTest, AProgramSendsWhatItSets) {
  const auto sent = to_put_json(full_endpoint());
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->find("revision"), std::string::npos) << *sent;
  EXPECT_EQ(parse_new_endpoint(*sent, "", ""), as_given(full_endpoint()));
  Endpoint latin = least_endpoint();
  latin.description = "caf\xe9";
  EXPECT_FALSE(to_put_json(latin));
}

TEST(EndpointJsonTest, NamesOfTheCallStandInTheJsonOrDoNot) {
  EXPECT_EQ(parse_new_endpoint(R"({"url":"http://a/"})", "shop", "acme"), least_endpoint());
  EXPECT_EQ(parse_new_endpoint(R"({"namespace":"shop","name":"acme","url":"http://a/"})", "", ""),
            least_endpoint());
  EXPECT_EQ(refused_member(parse_new_endpoint(R"({"url":"http://a/"})", "", "acme")), "namespace");
  EXPECT_EQ(refused_member(parse_new_endpoint(R"({"url":"http://a/"})", "shop", "")), "name");
  const auto other = parse_new_endpoint(R"({"name":"b","url":"http://a/"})", "shop", "acme");
  EXPECT_EQ(refused_member(other), "name");
  EXPECT_EQ(other.error().message, R"(name: "b" is not "acme", the name of the call)");
}

TEST(EndpointJsonTest, WhenItIsRetried) {
  Endpoint endpoint = least_endpoint();
  endpoint.retry_schedule = {5s, 90s, 24h};
  endpoint.stop_on = {{400, 403}, {422, 422}};
  const std::string given =
      R"({"url":"http://a/","retrySchedule":["5s","1m30s","24h"],"stopOn":"400-403,422"})";
  EXPECT_EQ(parse_new_endpoint(given, "shop", "acme"), endpoint);
  const std::string stored = to_stored_json(endpoint);
  EXPECT_NE(stored.find(R"("retrySchedule":["5s","1m30s","1d"],"stopOn":"400-403,422")"),
            std::string::npos)
      << stored;
  EXPECT_EQ(parse_new_endpoint(to_put_json(endpoint).value(), "", ""), endpoint);

  endpoint.retry_schedule.clear();
  endpoint.retry_max = 10min;
  EXPECT_EQ(parse_endpoint_changes(R"({"retrySchedule":null,"retryMax":"10m"})",
                                   parse_new_endpoint(given, "shop", "acme").value()),
            endpoint);
  endpoint.stop_on.clear();
  EXPECT_EQ(parse_endpoint_changes(R"({"stopOn":null})", endpoint), endpoint);
}

TEST(EndpointJsonTest, ABurstGoesWithItsRate) {
  const Endpoint paced =
      parse_new_endpoint(R"({"url":"http://a/","rate":"95/1m","burst":1})", "shop", "acme").value();
  EXPECT_EQ(parse_endpoint_changes(R"({"rate":null})", paced), least_endpoint());
  EXPECT_EQ(parse_endpoint_changes(R"({"rate":null,"burst":2})", paced).value().burst, 2);
}

TEST(EndpointJsonTest, WhoIsTold) {
  Endpoint endpoint = least_endpoint();
  endpoint.callback = "ops";
  endpoint.callback_on = {"task.failed", "task.succeeded"};
  const std::string given =
      R"({"url":"http://a/","callback":"ops","callbackOn":["task.failed","task.succeeded"]})";
  EXPECT_EQ(parse_new_endpoint(given, "shop", "acme"), endpoint);
  EXPECT_EQ(parse_new_endpoint(to_put_json(endpoint).value(), "", ""), endpoint);
  endpoint.callback_on.clear();
  EXPECT_EQ(parse_endpoint_changes(R"({"callbackOn":null})",
                                   parse_new_endpoint(given, "shop", "acme").value()),
            endpoint);
  // Who is told of nothing is not told of these.
  EXPECT_EQ(parse_endpoint_changes(R"({"callback":null})",
                                   parse_new_endpoint(given, "shop", "acme").value()),
            least_endpoint());
  EXPECT_EQ(parse_endpoint_changes(R"({"callback":null,"callbackOn":["task.failed"]})",
                                   parse_new_endpoint(given, "shop", "acme").value())
                .value()
                .callback_on,
            std::vector<std::string>{"task.failed"})
      << "which is refused when it is put";
}

TEST(EndpointJsonTest, ABreakerIsThereUnlessItIsSaidNotTo) {
  Endpoint endpoint = least_endpoint();
  EXPECT_EQ(to_put_json(endpoint)->find("breaker"), std::string::npos);
  EXPECT_EQ(parse_new_endpoint(R"({"url":"http://a/","breaker":true})", "shop", "acme"), endpoint);
  endpoint.breaker = false;
  const std::string given = R"({"url":"http://a/","breaker":false})";
  EXPECT_EQ(parse_new_endpoint(given, "shop", "acme"), endpoint);
  EXPECT_EQ(parse_new_endpoint(to_put_json(endpoint).value(), "", ""), endpoint);
  EXPECT_NE(to_stored_json(endpoint).find(R"("breaker":false)"), std::string::npos);
  EXPECT_FALSE(parse_stored_endpoint(to_stored_json(endpoint))->breaker);
  EXPECT_EQ(parse_endpoint_changes(R"({"breaker":null})", endpoint), least_endpoint());
  EXPECT_EQ(parse_endpoint_changes("{}", endpoint), endpoint);
}

TEST(EndpointJsonTest, ThatItDoesNotAnswerIsShownAndNotStored) {
  Endpoint endpoint = full_endpoint();
  endpoint.paused = false;
  endpoint.held = Held{"breaker", kPutAt, 503};
  const std::string shown = to_json(endpoint);
  EXPECT_NE(
      shown.find(
          R"("auth":"acme-token","held":{"by":"breaker","until":"2026-01-31T12:34:56.789Z","status":503},"rev)"),
      std::string::npos)
      << shown;
  EXPECT_EQ(parse_endpoint(shown), endpoint);
  EXPECT_EQ(parse_new_endpoint(shown, "shop", "acme"), as_given(full_endpoint()));
  EXPECT_EQ(to_stored_json(endpoint).find("held"), std::string::npos);
  EXPECT_EQ(to_put_json(endpoint)->find("held"), std::string::npos);
  endpoint.held->until.reset();
  EXPECT_EQ(parse_endpoint(to_json(endpoint)), endpoint);
}

TEST(EndpointJsonTest, WhatIsWrongIsNamed) {
  const auto refused = [](const std::string& json) {
    return refused_member(parse_new_endpoint(json, "shop", "acme"));
  };
  EXPECT_EQ(refused("{}"), "url");
  EXPECT_EQ(refused("[]"), "");
  EXPECT_EQ(refused(R"({"url":"http://a/","timeOut":"1s"})"), "timeOut");
  EXPECT_EQ(refused(R"({"url":"http://a/","timeout":15})"), "timeout");
  EXPECT_EQ(refused(R"({"url":"http://a/","timeout":"15"})"), "timeout");
  EXPECT_EQ(refused(R"({"url":"http://a/","retryLimit":1.5})"), "retryLimit");
  EXPECT_EQ(refused(R"({"url":"http://a/","retrySchedule":"5s"})"), "retrySchedule");
  EXPECT_EQ(refused(R"({"url":"http://a/","retrySchedule":[]})"), "retrySchedule");
  EXPECT_EQ(refused(R"({"url":"http://a/","retrySchedule":["5s",5]})"), "retrySchedule[1]");
  EXPECT_EQ(refused(R"({"url":"http://a/","retrySchedule":["5"]})"), "retrySchedule[0]");
  EXPECT_EQ(refused(R"({"url":"http://a/","stopOn":404})"), "stopOn");
  EXPECT_EQ(refused(R"({"url":"http://a/","callbackOn":"task.failed"})"), "callbackOn");
  EXPECT_EQ(refused(R"({"url":"http://a/","callbackOn":[]})"), "callbackOn");
  EXPECT_EQ(refused(R"({"url":"http://a/","callbackOn":["task.failed",1]})"), "callbackOn[1]");
  EXPECT_EQ(refused(R"({"url":"http://a/","stopOn":"4xx"})"), "stopOn");
  EXPECT_EQ(refused(R"({"url":"http://a/","breaker":"no"})"), "breaker");
  EXPECT_EQ(refused(R"({"url":"http://a/","rate":100})"), "rate");
  EXPECT_EQ(refused(R"({"url":"http://a/","ordered":"yes"})"), "ordered");
  EXPECT_EQ(
      parse_new_endpoint(R"({"url":"http://a/","rate":"fast"})", "shop", "acme").error().message,
      R"(rate: must be a number and a time, as in 100/1m, not "fast")");
  EXPECT_EQ(refused(R"({"url":"http://a/","headers":{"a":1}})"), "headers.a");
  EXPECT_EQ(refused(R"({"url":"http://a/","url":"http://b/"})"), "url");
  EXPECT_EQ(refused(R"({"url":"http://a/","description":""})"), "description");
  EXPECT_EQ(refused(R"({"url":"http://a/","timeout":null,"headers":null})"), "none");
}

Endpoint changed(const std::string& json) {
  const auto made = parse_endpoint_changes(json, full_endpoint());
  EXPECT_TRUE(made) << made.error().message;
  return made.value_or(Endpoint{});
}

TEST(EndpointChangesTest, WhatIsLeftOutStays) {
  EXPECT_EQ(changed("{}"), full_endpoint());
  Endpoint wanted = full_endpoint();
  wanted.timeout = 30s;
  wanted.url = "http://b/";
  EXPECT_EQ(changed(R"({"timeout":"30s","url":"http://b/"})"), wanted);
  EXPECT_EQ(changed(*to_put_json(wanted)), wanted);
}

TEST(EndpointChangesTest, NullTakesBack) {
  Endpoint wanted = full_endpoint();
  wanted.description.clear();
  wanted.timeout.reset();
  wanted.retry_limit.reset();
  wanted.concurrency.reset();
  wanted.rate.reset();
  wanted.burst.reset();
  wanted.ordered = false;
  EXPECT_EQ(changed(R"({"description":null,"timeout":null,"retryLimit":null,"concurrency":null,)"
                    R"("rate":null,"burst":null,"ordered":null})"),
            wanted);
  EXPECT_EQ(changed(R"({"url":null})").url, "");  // the rules refuse it
  EXPECT_EQ(changed(R"({"headers":null})").headers, std::vector<Header>{});
}

TEST(EndpointChangesTest, HeadersChangeOneByOne) {
  EXPECT_EQ(
      changed(R"({"headers":{"x-shop":"8","X-New":["1","2"]}})").headers,
      (std::vector<Header>{
          {"X-List", "a"}, {"X-List", "b"}, {"x-shop", "8"}, {"X-New", "1"}, {"X-New", "2"}}));
  EXPECT_EQ(changed(R"({"headers":{"x-list":null}})").headers,
            (std::vector<Header>{{"X-Shop", "7"}}));
  EXPECT_EQ(changed(R"({"headers":{}})"), full_endpoint());
}

TEST(EndpointChangesTest, WhatIsWrongIsNamed) {
  for (const auto& [json, field] :
       std::vector<std::pair<std::string, std::string>>{{R"({"retrylimit":1})", "retrylimit"},
                                                        {R"({"name":"b"})", "name"},
                                                        {R"({"timeout":1})", "timeout"},
                                                        {R"({"headers":{"a":{}}})", "headers.a"},
                                                        {R"({"revision":null})", "revision"},
                                                        {R"({"held":{}})", "held"},
                                                        {R"({"__updatedAt":1})", "__updatedAt"},
                                                        {"7", ""}}) {
    EXPECT_EQ(refused_member(parse_endpoint_changes(json, full_endpoint())), field) << json;
  }
  EXPECT_EQ(parse_endpoint_changes(R"({"paused":true})", full_endpoint()).error().message,
            "paused: is set by the scheduler; POST to its .../pause or .../resume instead");
  EXPECT_EQ(
      parse_endpoint_changes(R"({"later":1})", full_endpoint()).error().message.find("paused"),
      std::string::npos);
}

TEST(TestRequestJsonTest, WhatIsLeftOutHasADefault) {
  for (const char* json : {"", "{}", R"({"method":null,"url":null,"headers":null})"}) {
    EXPECT_EQ(parse_test_request(json), model::default_test_request()) << json;
  }
  Request wanted = model::default_test_request();
  wanted.method = Method::kPut;
  EXPECT_EQ(parse_test_request(R"({"method":"put"})"), wanted);
  wanted = model::default_test_request();
  wanted.url = "/ping";
  wanted.headers = {{"a", "1"}};
  wanted.body = Body::text("x");
  EXPECT_EQ(parse_test_request(R"({"url":"/ping","headers":{"a":"1"},"body":"x"})"), wanted);
  wanted.body = {};
  EXPECT_EQ(parse_test_request(R"({"url":"/ping","headers":{"a":"1"},"body":null})"), wanted);
}

TEST(TestRequestJsonTest, ComesBackAsItWasSent) {
  Request request;
  EXPECT_EQ(parse_test_request(to_test_json(request).value()), request);
  request.method = Method::kPatch;
  request.url = "?a=1";
  request.headers = {{"a", "1"}, {"a", "2"}, {"b", ""}};
  for (const Body& body : {Body::json("[1, 2.50]"), Body::text(""), Body()}) {
    request.body = body;
    EXPECT_EQ(parse_test_request(to_test_json(request).value()), request);
  }
  request.body = Body::text("caf\xe9");
  EXPECT_FALSE(to_test_json(request));
}

TEST(TestRequestJsonTest, WhatIsWrongIsNamed) {
  for (const auto& [json, field] :
       std::vector<std::pair<std::string, std::string>>{{R"({"method":"FETCH"})", "method"},
                                                        {R"({"url":""})", "url"},
                                                        {R"({"headers":[]})", "headers"},
                                                        {R"({"request":{}})", "request"},
                                                        {"[]", ""}}) {
    const auto read = parse_test_request(json);
    ASSERT_FALSE(read) << json;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(read.error().field, field);
  }
}

TEST(StoredEndpointTest, ComesBackWithoutWhatTheDocumentHas) {
  const std::string json = to_stored_json(full_endpoint());
  EXPECT_EQ(json,
            R"({"description":"the \"warehouse\"","url":"https://hooks.acme.example/in?token=7",)"
            R"("headers":{"X-Shop":"7","X-List":["a","b"]},"timeout":"1m30s","retryLimit":0,)"
            R"("concurrency":10,"rate":"100/1m","burst":5,"ordered":true,"signing":"acme-hmac",)"
            R"("auth":"acme-token","paused":true,)"
            R"("__createdAt":"2026-01-31T12:34:56.789Z"})");
  Endpoint wanted = as_given(full_endpoint());
  wanted.ns.clear();
  wanted.name.clear();
  wanted.paused = true;
  wanted.created_at = kPutAt;
  EXPECT_EQ(parse_stored_endpoint(json), wanted);
}

TEST(StoredEndpointTest, PassesOverWhatANewerVersionStored) {
  const auto read = parse_stored_endpoint(R"({"url":"http://a/","later":"100/1m","x":{"y":[]}})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->url, "http://a/");
  for (const char* json :
       {"", "{", "[]", "{}", R"({"url":7})", R"({"url":"http://a/","timeout":1})"}) {
    const auto corrupt = parse_stored_endpoint(json);
    ASSERT_FALSE(corrupt) << json;
    EXPECT_EQ(corrupt.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace rhooks::codec
