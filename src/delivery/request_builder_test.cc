#include "delivery/request_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "delivery/multipart.h"
#include "model/limits.h"
#include "model/transitions.h"
#include "model/webhook_id.h"
#include "signing/test_keys.h"
#include "signing/webhook.h"

namespace rhooks::delivery {
namespace {

const TimePoint kNow{std::chrono::milliseconds{1'900'000'000'123}};

Task task_with(Method method, std::string url, Body body = {}, std::vector<Header> headers = {}) {
  Task task;
  task.key = {"ns", "id"};
  task.scheduled_date = TimePoint{std::chrono::milliseconds{1'900'000'000'000}};
  task.request = {method, std::move(url), std::move(headers), std::move(body)};
  return task;
}

// check_body_fits() says of every request here what build_request() says.
HttpRequest built(const Task& task) {
  EXPECT_TRUE(check_body_fits(task.request));
  auto request = build_request(task, kNow);
  EXPECT_TRUE(request) << request.error().message;
  return request.value_or(HttpRequest{});
}

Error refused(const Task& task) {
  auto request = build_request(task, kNow);
  EXPECT_FALSE(request);
  if (request) return {};
  const auto fits = check_body_fits(task.request);
  EXPECT_EQ(fits.has_value(), request.error().field != "body");
  EXPECT_EQ(fits ? "" : fits.error().message, fits ? "" : request.error().message);
  return request.error();
}

std::string header(const HttpRequest& http, const std::string& name) {
  std::string found;
  for (const auto& h : http.request.headers) {
    if (h.name == name) found += (found.empty() ? "" : "|") + h.value;
  }
  return found;
}

std::string url_of(Method method, std::string url, Body body = {}) {
  return built(task_with(method, std::move(url), std::move(body))).request.url;
}

constexpr char kForm[] = "application/x-www-form-urlencoded";

TEST(RequestBuilderTest, TheTaskMaySayHowLongItMayTake) {
  Task task = task_with(Method::kGet, "http://h/");
  EXPECT_EQ(built(task).timeout, std::nullopt);
  task.timeout = std::chrono::seconds{20};
  EXPECT_EQ(built(task).timeout, std::chrono::seconds{20});
}

Endpoint endpoint_at(std::string url) {
  Endpoint endpoint;
  endpoint.url = std::move(url);
  return endpoint;
}

TEST(RequestBuilderTest, ATaskGoesBehindTheUrlOfItsEndpoint) {
  struct Case {
    const char* endpoint;
    const char* rest;
    const char* url;
  };
  for (const Case& c :
       {Case{"https://h/in?token=7", "/orders?x=2", "https://h/in/orders?token=7&x=2"},
        Case{"https://h/in?token=7", "", "https://h/in?token=7"},
        Case{"https://h/in?token=7", "?x=2", "https://h/in?token=7&x=2"},
        Case{"https://h/in?token=7&", "?x=2", "https://h/in?token=7&x=2"},
        Case{"https://h/in?token=7", "?", "https://h/in?token=7"},
        Case{"https://h/in", "/orders", "https://h/in/orders"},
        Case{"https://h/in/", "/orders", "https://h/in/orders"},
        Case{"https://h/in/", "", "https://h/in/"},
        Case{"https://h", "/orders#part", "https://h/orders"},
        Case{"https://h", "?x=2#part", "https://h/?x=2"},
        Case{"https://h", "//other/x", "https://h//other/x"},
        Case{"https://h?a=b", "/@other:1", "https://h/@other:1?a=b"}}) {
    const Endpoint endpoint = endpoint_at(c.endpoint);
    const auto http = build_request(task_with(Method::kPost, c.rest), kNow, &endpoint);
    ASSERT_TRUE(http) << http.error().message;
    EXPECT_EQ(http->request.url, c.url);
  }
  const Endpoint endpoint = endpoint_at("https://h/in?token=7");
  const auto get =
      build_request(task_with(Method::kGet, "?x=2", Body::json(R"({"y":3})")), kNow, &endpoint);
  ASSERT_TRUE(get) << get.error().message;
  EXPECT_EQ(get->request.url, "https://h/in?token=7&x=2&y=3");
  for (const char* rest : {"http://other/", "x", "/a b"}) {
    const auto refused = build_request(task_with(Method::kPost, rest), kNow, &endpoint);
    ASSERT_FALSE(refused) << rest;
    EXPECT_EQ(refused.error().field, "url");
  }
}

TEST(RequestBuilderTest, AnEndpointSaysWhatTheTaskDoesNot) {
  Endpoint endpoint = endpoint_at("http://h/");
  endpoint.timeout = std::chrono::seconds{15};
  endpoint.headers = {{"X-Shop", "7"}, {"X-Tag", "a"}, {"X-Tag", "b"}, {"User-Agent", "shop"}};
  Task task = task_with(Method::kPost, "", Body::json("{}"), {{"x-shop", "8"}});
  auto http = build_request(task, kNow, &endpoint);
  ASSERT_TRUE(http) << http.error().message;
  EXPECT_EQ(http->timeout, std::chrono::seconds{15});
  EXPECT_EQ(header(*http, "x-shop"), "8");
  EXPECT_EQ(header(*http, "X-Shop"), "");
  EXPECT_EQ(header(*http, "X-Tag"), "a|b");
  EXPECT_EQ(header(*http, "User-Agent"), "shop");
  EXPECT_EQ(header(*http, "user-agent"), "");
  EXPECT_EQ(header(*http, "content-type"), "application/json");

  task.timeout = std::chrono::seconds{60};
  http = build_request(task, kNow, &endpoint);
  ASSERT_TRUE(http);
  EXPECT_EQ(http->timeout, std::chrono::seconds{60});
}

TEST(RequestBuilderTest, JsonIsSentAsItIsWithItsContentType) {
  for (const auto method : {Method::kPost, Method::kPut, Method::kPatch}) {
    const auto http = built(task_with(method, "http://h/p", Body::json(R"({"a":1.10,"b":[]})")));
    EXPECT_TRUE(http.has_body);
    EXPECT_EQ(http.wire_body, R"({"a":1.10,"b":[]})");
    EXPECT_EQ(http.request.body, Body::json(R"({"a":1.10,"b":[]})"));
    EXPECT_EQ(http.request.method, method);
    EXPECT_EQ(header(http, "content-type"), "application/json");
  }
}

TEST(RequestBuilderTest, TheTasksOwnContentTypeStands) {
  const auto json = built(
      task_with(Method::kPost, "http://h/", Body::json("[1]"), {{"Content-Type", "text/xml"}}));
  EXPECT_EQ(header(json, "Content-Type"), "text/xml");
  EXPECT_EQ(header(json, "content-type"), "");
  EXPECT_EQ(json.wire_body, "[1]");

  const auto text =
      built(task_with(Method::kPost, "http://h/", Body::text("a=1"), {{"CONTENT-TYPE", kForm}}));
  EXPECT_EQ(header(text, "CONTENT-TYPE"), kForm);
  EXPECT_EQ(text.wire_body, "a=1") << "text goes as it is, whatever its type";
}

TEST(RequestBuilderTest, TextIsPlainTextByDefault) {
  const auto http = built(task_with(Method::kPut, "http://h/", Body::text("caf\xC3\xA9\n")));
  EXPECT_EQ(header(http, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(http.wire_body, "caf\xC3\xA9\n");
  EXPECT_EQ(http.request.body.kind(), Body::Kind::kText);
}

TEST(RequestBuilderTest, NoBodyHasNoContentType) {
  const auto http = built(task_with(Method::kPost, "http://h/"));
  EXPECT_TRUE(http.has_body);
  EXPECT_EQ(http.wire_body, "");
  EXPECT_EQ(header(http, "content-type"), "");
}

TEST(RequestBuilderTest, AFormTakesTheMembersOfAnObject) {
  const auto http = built(task_with(
      Method::kPost, "http://h/",
      Body::json(R"({"text":"a b&c=d+é~*","n":12345678901234567890123,"x":1.50,"e":-1E+9,)"
                 R"("t":true,"f":false,"nothing":null,"list":[1,"two",null,false],"none":[]})"),
      {{"content-type", std::string("Application/X-WWW-Form-Urlencoded ; charset=utf-8")}}));
  EXPECT_EQ(http.wire_body,
            "text=a+b%26c%3Dd%2B%C3%A9%7E*&n=12345678901234567890123&x=1.50&e=-1E%2B9"
            "&t=true&f=false&nothing=&list=1&list=two&list=&list=false");
  EXPECT_EQ(http.request.body, Body::text(http.wire_body)) << "logged as sent";
  EXPECT_EQ(header(http, "content-type"), "Application/X-WWW-Form-Urlencoded ; charset=utf-8");
}

TEST(RequestBuilderTest, AFormRefusesWhatItCanNotHold) {
  for (const char* json : {R"({"a":{"b":1}})", R"({"a":[[1]]})", R"({"a":[{}]})", "[1]", "1",
                           "\"text\"", "null", "{", R"({"a":1} x)", ""}) {
    for (const char* type : {kForm, "multipart/form-data"}) {
      const auto error = refused(
          task_with(Method::kPost, "http://h/", Body::json(json), {{"content-type", type}}));
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << json;
      EXPECT_EQ(error.field, "body") << json;
      EXPECT_NE(error.message, "") << json;
    }
  }
  const auto nested = refused(task_with(Method::kPost, "http://h/", Body::json(R"({"addr":{}})"),
                                        {{"content-type", kForm}}));
  EXPECT_NE(nested.message.find("\"addr\""), std::string::npos) << nested.message;
}

TEST(RequestBuilderTest, MultipartHasABoundaryOfItsOwn) {
  const auto http = built(task_with(Method::kPatch, "http://h/",
                                    Body::json(R"({"a":"x\u0000y","b":[1,null],"c d":true})"),
                                    {{"Content-type", "multipart/form-data; boundary=mine"}}));
  const MultipartForm form =
      encode_multipart({{"a", std::string("x\0y", 3)}, {"b", "1"}, {"b", ""}, {"c d", "true"}});
  EXPECT_EQ(header(http, "Content-type"), form.content_type);
  EXPECT_EQ(http.wire_body, form.body);
  EXPECT_TRUE(http.has_body);

  const auto text = built(task_with(Method::kPost, "http://h/", Body::text("--b\r\n\r\n--b--"),
                                    {{"content-type", "multipart/form-data; boundary=b"}}));
  EXPECT_EQ(header(text, "content-type"), "multipart/form-data; boundary=b")
      << "made by the caller";
  EXPECT_EQ(text.wire_body, "--b\r\n\r\n--b--");
}

TEST(RequestBuilderTest, TheNameOfAMultipartFieldHoldsNoNul) {
  const std::vector<Header> multipart = {{"content-type", "multipart/form-data"}};
  const auto error = refused(
      task_with(Method::kPost, "http://h/", Body::json(R"({"a":1,"b\u0000c":2})"), multipart));
  EXPECT_EQ(error.field, "body");
  EXPECT_NE(error.message.find("member \"b c\" has the character U+0000"), std::string::npos)
      << error.message;
  // Where names are percent-encoded it is a character like others.
  const auto form = built(task_with(Method::kPost, "http://h/", Body::json(R"({"b\u0000c":2})"),
                                    {{"content-type", kForm}}));
  EXPECT_EQ(form.wire_body, "b%00c=2");
  EXPECT_EQ(url_of(Method::kGet, "http://h/", Body::json(R"({"b\u0000c":2})")),
            "http://h/?b%00c=2");
}

TEST(RequestBuilderTest, QueryParametersComeAfterTheUrlsOwn) {
  const auto object = Body::json(R"({"b":"x y+z&/?ä*~","c":[1,2],"d":null})");
  for (const auto method : {Method::kGet, Method::kDelete, Method::kHead}) {
    const auto http = built(task_with(method, "https://h:8443/p%20q?a=1&b=%41#part", object));
    EXPECT_EQ(http.request.url,
              "https://h:8443/p%20q?a=1&b=%41&b=x%20y%2Bz%26%2F%3F%C3%A4%2A~&c=1&c=2&d=");
    EXPECT_EQ(http.request.body, Body{}) << "as sent: no body";
    EXPECT_FALSE(http.has_body);
    EXPECT_EQ(http.wire_body, "");
    EXPECT_EQ(header(http, "content-type"), "");
  }
}

TEST(RequestBuilderTest, Urls) {
  const auto object = Body::json(R"({"k":"v"})");
  EXPECT_EQ(url_of(Method::kGet, "http://h", object), "http://h/?k=v");
  EXPECT_EQ(url_of(Method::kGet, "http://h?", object), "http://h/?k=v");
  EXPECT_EQ(url_of(Method::kGet, "http://h/?a&", object), "http://h/?a&k=v");
  EXPECT_EQ(url_of(Method::kGet, "http://h/x#f", Body::json("{}")), "http://h/x");
  EXPECT_EQ(url_of(Method::kGet, "http://h/x?"), "http://h/x?");
  EXPECT_EQ(url_of(Method::kGet, "http://h?a/b"), "http://h/?a/b");
  EXPECT_EQ(url_of(Method::kGet, "http://[::1]:80/x"), "http://[::1]:80/x");
  EXPECT_EQ(url_of(Method::kPost, "http://h/x?q=1#f", object), "http://h/x?q=1");
  EXPECT_EQ(url_of(Method::kGet, "http://h/?ids[]=1", Body::json(R"({"ids[]":2})")),
            "http://h/?ids[]=1&ids%5B%5D=2");
  EXPECT_EQ(url_of(Method::kPost, "http://h/a/../b?x=%2F"), "http://h/a/../b?x=%2F")
      << "what was registered is not rewritten";
}

TEST(RequestBuilderTest, BodiesThatFitNoQueryAreRefused) {
  for (const auto& body : {Body::text("a=1"), Body::text(""), Body::json("[1]"), Body::json("1"),
                           Body::json("null"), Body::json(R"({"a":{"b":1}})")}) {
    for (const auto method : {Method::kGet, Method::kDelete, Method::kHead}) {
      const auto error = refused(task_with(method, "http://h/", body));
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << body.data();
      EXPECT_EQ(error.field, "body") << body.data();
    }
  }
}

// A list repeats its name: 50 KiB of body would be 400 MB of query string, form or fields.
TEST(RequestBuilderTest, AListWithALongNameIsRefusedBeforeItIsCopied) {
  std::string json = "{\"" + std::string(20'000, 'n') + "\":[0";
  for (int i = 1; i < 20'000; ++i) json += ",0";
  json += "]}";
  const std::vector<std::vector<Header>> types = {
      {}, {{"content-type", kForm}}, {{"content-type", "multipart/form-data"}}};
  for (const auto& headers : types) {
    const auto method = headers.empty() ? Method::kGet : Method::kPost;
    const auto error = refused(task_with(method, "http://h/", Body::json(json), headers));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.field, "body");
    EXPECT_NE(error.message.find("of more than "), std::string::npos) << error.message;
    EXPECT_LT(error.message.size(), 300u);
  }
}

TEST(RequestBuilderTest, WhatABodyBecomesHasTheLimitsOfWhatIsSent) {
  const auto form = [](std::size_t value) {
    return task_with(Method::kPost, "http://h/",
                     Body::json("{\"v\":\"" + std::string(value, 'x') + "\"}"),
                     {{"content-type", kForm}});
  };
  EXPECT_EQ(built(form(model::kBodyBytesMax - 2)).wire_body.size(), model::kBodyBytesMax);
  refused(form(model::kBodyBytesMax - 1));
  // As it is sent: percent-encoded, three bytes each.
  refused(task_with(Method::kPost, "http://h/",
                    Body::json("{\"v\":\"" + std::string(model::kBodyBytesMax / 3, '=') + "\"}"),
                    {{"content-type", kForm}}));

  const auto query = [](std::size_t value) {
    return task_with(Method::kGet, "http://h/?own=1",
                     Body::json("{\"v\":\"" + std::string(value, 'x') + "\"}"));
  };
  const std::size_t around = std::string("http://h/?own=1&v=").size();
  EXPECT_EQ(built(query(model::kSentUrlBytesMax - around)).request.url.size(),
            model::kSentUrlBytesMax);
  const auto error = refused(query(model::kSentUrlBytesMax - around + 1));
  EXPECT_NE(error.message.find("use POST"), std::string::npos) << error.message;
  refused(query(model::kSentUrlBytesMax));

  // Each field of a multipart form has a boundary and a line of headers around it.
  std::string many = "{\"v\":[0";
  for (int i = 1; i < 3'000; ++i) many += ",0";
  many += "]}";
  refused(task_with(Method::kPost, "http://h/", Body::json(many),
                    {{"content-type", "multipart/form-data"}}));
  EXPECT_LT(
      built(task_with(Method::kPost, "http://h/", Body::json(many), {{"content-type", kForm}}))
          .wire_body.size(),
      13'000u);
}

std::shared_ptr<const secrets::OpenSecret> secret_of(SecretType type, const std::string& value) {
  return std::make_shared<const secrets::OpenSecret>(
      secrets::OpenSecret::parse(type, value).value());
}

HttpRequest built_with(const Task& task, const secrets::Credentials& credentials) {
  Endpoint endpoint;
  endpoint.url = "http://h/in";
  endpoint.headers = {{"X-Shop", "7"}};
  auto request = build_request(task, kNow, &endpoint, credentials);
  EXPECT_TRUE(request) << request.error().message;
  return request.value_or(HttpRequest{});
}

std::string secret_header(const HttpRequest& http, std::string_view name) {
  std::string found;
  for (const Header& h : http.secret_headers) {
    if (h.name == name) found += (found.empty() ? "" : "|") + h.value;
  }
  return found;
}

TEST(RequestBuilderTest, SignedAreTheBytesThatGoOut) {
  const secrets::Credentials credentials{secret_of(SecretType::kHmac, signing::kSpecHmac), {}};
  const std::vector<Header> form = {{"content-type", kForm}};
  const std::vector<Header> multipart = {{"content-type", "multipart/form-data"}};
  for (const Task& task :
       {task_with(Method::kPost, "", Body::json(R"({"a" : 1.10})")),
        task_with(Method::kPut, "", Body::text("text")), task_with(Method::kPost, ""),
        task_with(Method::kPost, "", Body::json(R"({"a":[1,2]})"), form),
        task_with(Method::kPatch, "", Body::json(R"({"a":"b"})"), multipart),
        task_with(Method::kGet, "", Body::json(R"({"a":1})")), task_with(Method::kDelete, "")}) {
    const HttpRequest http = built_with(task, credentials);
    std::vector<Header> sent = http.request.headers;
    for (Header& h : sent) {
      if (h.name == signing::kSignatureHeader) h.value = secret_header(http, h.name);
    }
    VerifyOptions options;
    options.now = kNow;
    const auto good = verify_webhook({signing::kSpecHmac}, sent, http.wire_body, options);
    EXPECT_TRUE(good) << good.error().message;
    EXPECT_EQ(header(http, "webhook-signature"), "[redacted]");
    EXPECT_EQ(http.secret_headers.size(), 1u);
  }
}

TEST(RequestBuilderTest, BothValuesSignDuringARotation) {
  auto rotated = secrets::OpenSecret::parse(SecretType::kHmac, signing::kSpecHmac).value();
  rotated.also_sign_by(
      secrets::OpenSecret::parse(SecretType::kHmac, signing::Key::generate_hmac().text()).value(),
      kNow + std::chrono::milliseconds{1});
  const secrets::Credentials credentials{
      std::make_shared<const secrets::OpenSecret>(std::move(rotated)), {}};
  const HttpRequest http = built_with(task_with(Method::kPost, ""), credentials);
  const std::string both = secret_header(http, "webhook-signature");
  EXPECT_EQ(std::count(both.begin(), both.end(), ' '), 1) << both;
}

TEST(RequestBuilderTest, AuthTakesThePlaceOfWhatATaskGives) {
  const secrets::Credentials credentials{{}, secret_of(SecretType::kToken, "hush")};
  const HttpRequest http =
      built_with(task_with(Method::kGet, "", {}, {{"AUTHORIZATION", "Bearer other"}, {"x", "y"}}),
                 credentials);
  EXPECT_EQ(header(http, "authorization"), "[redacted]");
  EXPECT_EQ(header(http, "AUTHORIZATION"), "");
  EXPECT_EQ(header(http, "x"), "y");
  EXPECT_EQ(header(http, "X-Shop"), "7");
  EXPECT_EQ(secret_header(http, "authorization"), "Bearer hush");
  EXPECT_EQ(header(http, "webhook-signature"), "");
}

TEST(RequestBuilderTest, BadUrlsAreRefused) {
  for (const char* url : {"", "h/x", "ftp://h/", "http://", "http://h/a b", "http://h:x/",
                          "http://h,i/", "http://u@h/"}) {
    const auto error = refused(task_with(Method::kGet, url));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(error.field, "url") << url;
  }
}

TEST(RequestBuilderTest, OurHeaders) {
  const auto http = built(task_with(Method::kGet, "http://h/", {}, {{"X-Own", "1"}}));
  EXPECT_EQ(header(http, "X-Own"), "1");
  EXPECT_EQ(header(http, "webhook-timestamp"), "1900000000");
  Task task = task_with(Method::kGet, "http://h/");
  task.scheduled_date = TimePoint{std::chrono::milliseconds{1'900'000'000'250}};
  task.next_attempt_date = task.scheduled_date + std::chrono::seconds{5};
  EXPECT_EQ(header(built(task), "rhooks-scheduled-at"), "2030-03-17T17:46:40.250Z");
  EXPECT_EQ(header(http, "webhook-id"), model::webhook_id(task_with(Method::kGet, "http://h/")));
  EXPECT_EQ(header(http, "user-agent").substr(0, 7), "rhooks/");
  EXPECT_GT(header(http, "user-agent").size(), 7u);

  const auto own = built(task_with(Method::kGet, "http://h/", {}, {{"User-Agent", "mine"}}));
  EXPECT_EQ(header(own, "User-Agent"), "mine");
  EXPECT_EQ(header(own, "user-agent"), "");
}

TEST(RequestBuilderTest, SpacesAroundAValueAreNotSent) {
  const auto http = built(task_with(
      Method::kGet, "http://h/", {},
      {{"A", "b "}, {"B", "\t b c\t"}, {"C", " \t"}, {"D", "d"}, {"User-Agent", " mine "}}));
  EXPECT_EQ(header(http, "A"), "b");
  EXPECT_EQ(header(http, "B"), "b c");
  EXPECT_EQ(header(http, "C"), "");
  EXPECT_EQ(header(http, "D"), "d");
  EXPECT_EQ(header(http, "User-Agent"), "mine");
}

TEST(RequestBuilderTest, ATaskCanNotSetTheHeadersThatAreOurs) {
  const auto http = built(task_with(Method::kPost, "http://h/", Body::text("x"),
                                    {{"Webhook-Id", "forged"},
                                     {"WEBHOOK-TIMESTAMP", "1"},
                                     {"webhook-Signature", "forged"},
                                     {"Content-Length", "999"},
                                     {"Transfer-Encoding", "chunked"},
                                     {"Host", "other"},
                                     {"X-Kept", "yes"}}));
  for (const auto& h : http.request.headers) {
    EXPECT_NE(h.value, "forged");
    EXPECT_NE(h.name, "WEBHOOK-TIMESTAMP");
    EXPECT_NE(h.name, "Content-Length");
    EXPECT_NE(h.name, "Transfer-Encoding");
    EXPECT_NE(h.name, "Host");
  }
  EXPECT_EQ(header(http, "X-Kept"), "yes");
}

TEST(WebhookIdTest, IsOfTheOccurrenceAlone) {
  const TimePoint at{std::chrono::milliseconds{1'900'000'000'000}};
  const auto id_of = [](const TaskKey& key, TimePoint scheduled) {
    Task task;
    task.key = key;
    task.scheduled_date = scheduled;
    return model::webhook_id(task);
  };
  const auto id = id_of({"ns", "id"}, at);
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id.substr(0, 4), "msg_");
  EXPECT_TRUE(std::all_of(id.begin() + 4, id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  })) << id;
  EXPECT_EQ(id, "msg_06d107d6b425159c8688a91f88105b91")
      << "receivers may still hold those of another build";
  EXPECT_EQ(id, id_of({"ns", "id"}, at));
  EXPECT_NE(id, id_of({"ns", "id"}, at + std::chrono::milliseconds{1}));
  EXPECT_NE(id, id_of({"ns", "id2"}, at));
  EXPECT_NE(id, id_of({"nsi", "d"}, at)) << "the parts do not run into each other";

  auto task = task_with(Method::kGet, "http://h/");
  const auto first = header(built(task), "webhook-id");
  task.attempt = 2;
  task.next_attempt_date = at + std::chrono::seconds{5};
  EXPECT_EQ(header(built(task), "webhook-id"), first)
      << "every attempt of an occurrence has the same";
}

TEST(WebhookIdTest, OfATaskThatIsRunAgainIsNoOther) {
  auto task = task_with(Method::kGet, "http://h/");
  task.status = Status::kDone;
  const auto first = header(built(task), "webhook-id");
  ++task.execution.count;
  task = *model::run_now(task, task.scheduled_date);
  EXPECT_NE(header(built(task), "webhook-id"), first)
      << "another machine's clock shows the time of the first";
}

// A store that is restored has counted less.
TEST(WebhookIdTest, OfASeriesIsItsTimeAlone) {
  auto task = task_with(Method::kGet, "http://h/");
  task.repeat = Repeat{.interval = 1, .max = 0, .unit = RepeatUnit::kHours};
  const auto first = header(built(task), "webhook-id");
  ++task.execution.count;
  EXPECT_EQ(header(built(task), "webhook-id"), first);
  task.scheduled_date += std::chrono::hours{1};
  EXPECT_NE(header(built(task), "webhook-id"), first);
}

TEST(WebhookIdTest, OfAnExtraOccurrenceIsNoOther) {
  auto task = task_with(Method::kGet, "http://h/");
  const auto own = header(built(task), "webhook-id");
  task.extra_date = task.scheduled_date;
  const auto extra = header(built(task), "webhook-id");
  EXPECT_NE(extra, own) << "asked for at the very time of one of the series";
  task.attempt = 1;
  task.next_attempt_date = kNow;
  EXPECT_EQ(header(built(task), "webhook-id"), extra) << "its retry";
  task.execution.extra = 1;
  EXPECT_NE(header(built(task), "webhook-id"), extra) << "another in the same millisecond";
  task.scheduled_date += std::chrono::hours{1};
  task.execution.extra = 0;
  EXPECT_EQ(header(built(task), "webhook-id"), extra) << "whatever the series does";
}

}  // namespace
}  // namespace rhooks::delivery
