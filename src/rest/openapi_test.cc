#include "rest/openapi.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "rest/test_api.h"

// The document is what people build clients on, so it is checked against what the server
// does: its routes, the status codes it answers with, and every field of every answer.
namespace rhooks::rest::test {
namespace {

namespace json = boost::json;

using Operation = std::pair<std::string, std::string>;  // method in lower case, path

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

class OpenApiTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    const Reply reply = get("/openapi.json");
    ASSERT_EQ(reply.status, 200);
    document_ = json_of(reply);
  }

  // Follows "#/a/b".
  const json::value* resolve(std::string_view ref) const {
    if (!ref.starts_with("#/")) return nullptr;
    boost::system::error_code ec;
    const json::value* at = root().find_pointer(ref.substr(1), ec);
    return ec ? nullptr : at;
  }

  const json::value& root() const {
    if (!root_) root_ = json::value(document_);
    return *root_;
  }

  // Calls visit(object) for every object of the document.
  template <typename Visit>
  static void walk(const json::value& value, const Visit& visit) {
    if (value.is_object()) {
      visit(value.get_object());
      for (const auto& member : value.get_object()) walk(member.value(), visit);
    } else if (value.is_array()) {
      for (const auto& item : value.get_array()) walk(item, visit);
    }
  }

  // Checks a value against the part of JSON Schema that the document uses. Fields that are
  // not described are errors, too.
  void check(const json::value& value, const json::value& schema, const std::string& at) const {
    const json::object& s = schema.as_object();
    if (const auto* ref = s.if_contains("$ref")) {
      const auto* target = resolve(ref->as_string());
      ASSERT_NE(target, nullptr) << ref->as_string();
      check(value, *target, at);
      return;
    }
    if (const auto* any = s.if_contains("anyOf")) {
      bool fits = false;
      for (const auto& option : any->as_array()) fits = fits || has_type(value, option.as_object());
      EXPECT_TRUE(fits) << at << ": " << value;
      return;
    }
    EXPECT_TRUE(has_type(value, s)) << at << ": " << value << " is not " << schema;
    if (const auto* values = s.if_contains("enum")) {
      bool found = false;
      for (const auto& v : values->as_array()) found = found || v == value;
      EXPECT_TRUE(found) << at << ": " << value;
    }
    if (value.is_array() && s.contains("items")) {
      for (const auto& item : value.get_array()) check(item, s.at("items"), at + "[]");
    }
    if (value.is_object() && s.contains("properties")) check_object(value.get_object(), s, at);
    if (value.is_object() && s.contains("additionalProperties") &&
        s.at("additionalProperties").is_object()) {
      for (const auto& member : value.get_object()) {
        check(member.value(), s.at("additionalProperties"), at + "." + std::string(member.key()));
      }
    }
  }

  void check_object(const json::object& object, const json::object& s,
                    const std::string& at) const {
    const json::object& properties = s.at("properties").as_object();
    for (const auto& member : object) {
      const std::string path = at + "." + std::string(member.key());
      const auto* described = properties.if_contains(member.key());
      EXPECT_NE(described, nullptr) << path << " is not described";
      if (described) check(member.value(), *described, path);
    }
    if (const auto* required = s.if_contains("required")) {
      for (const auto& name : required->as_array()) {
        EXPECT_TRUE(object.contains(name.as_string())) << at << " lacks " << name;
      }
    }
  }

  static bool has_type(const json::value& value, const json::object& schema) {
    const auto* type = schema.if_contains("type");
    if (!type) return true;
    const std::string_view t = type->as_string();
    if (t == "string") return value.is_string();
    if (t == "integer") return value.is_int64() || value.is_uint64();
    if (t == "number") return value.is_number();
    if (t == "boolean") return value.is_bool();
    if (t == "array") return value.is_array();
    return t == "object" && value.is_object();
  }

  // Makes a call and checks the answer against the document.
  void drive(const Call& c, int status) {
    const std::string trace = c.method + " " + c.target;
    SCOPED_TRACE(trace);
    const Reply reply = send(c);
    ASSERT_EQ(reply.status, status) << reply.body;

    HttpRequest request;
    request.method = c.method;
    request.target = c.target;
    ASSERT_TRUE(parse_target(request));
    const auto match = api_->router().match(request);
    ASSERT_NE(match.route, nullptr);
    const Operation operation{lower(c.method), match.route->pattern};
    produced_[operation].insert(status);

    const json::object& responses =
        document_.at("paths").at(operation.second).at(operation.first).at("responses").as_object();
    const auto* response = responses.if_contains(std::to_string(status));
    ASSERT_NE(response, nullptr) << "status " << status << " is not documented";
    if (const auto* ref = response->as_object().if_contains("$ref")) {
      response = resolve(ref->as_string());
      ASSERT_NE(response, nullptr);
    }
    const json::object& content = response->at("content").as_object();
    std::string type = reply.header("content-type");
    const auto charset = type.find("; charset");
    if (charset != std::string::npos) type.resize(charset);
    ASSERT_TRUE(content.contains(type)) << type;
    if (type.find("json") == std::string::npos) return;
    check(json::parse(reply.body), content.at(type).at("schema"), "body");
  }

  void drive_endpoints() {
    const std::string all = "/v1/namespaces/ns/endpoints";
    const std::string rich = R"({"url":"http://127.0.0.1:9/x","description":"d","headers":{"A":"1"},
                                 "timeout":"15s","retryLimit":2})";
    const std::vector<std::pair<std::string, std::string>> another = {
        {"If-Match", "00000000-0000-0000-0000-000000000000"}};
    drive({"PUT", all + "/a", rich, another}, 412);
    drive({"PUT", all + "/a", rich}, 201);
    drive({"PUT", all + "/a", R"({"url":"http://127.0.0.1:9/y"})"}, 200);
    drive({"PUT", all + "/a", rich, another}, 412);
    drive({"PUT", all + "/a", rich, {{"If-None-Match", "*"}}}, 412);
    drive({"PUT", all + "/a", rich}, 200);
    drive({"PUT", all + "/a",
           R"({"url":"http://127.0.0.1:9/y","retrySchedule":["5s","1h"],"stopOn":"400-403"})"},
          200);
    drive({"PATCH", all + "/a", R"({"retrySchedule":null,"retryMax":"1m"})"}, 200);
    drive({"PATCH", all + "/a", R"({"callback":"ops","callbackOn":["endpoint.opened"]})"}, 200);
    drive({"PATCH", all + "/a", R"({"callback":null,"callbackOn":["task.failed"]})"}, 400);
    drive({"PATCH", all + "/a", R"({"callback":null})"}, 200);
    drive({"PUT", all + "/a", R"({"url":"http://127.0.0.1:9/y","stopOn":"204"})"}, 400);
    drive({"PUT", all + "/a", "{}"}, 400);
    drive({"PATCH", all + "/a", R"({"timeout":null})"}, 200);
    drive({"PATCH", all + "/a", "{}", another}, 412);
    drive({"PATCH", all + "/none", "{}"}, 404);
    drive({"GET", all + "/a"}, 200);
    drive({"GET", all + "/none"}, 404);
    drive({"GET", all + "?prefix=a&limit=1"}, 200);
    drive({"GET", all + "?limit=0"}, 400);
    drive({"POST", all + "/none/pause"}, 404);
    drive({"POST", all + "/a/pause"}, 200);
    drive({"GET", all + "/a"}, 200);
    const std::string tasks = "/v1/namespaces/ns/tasks";
    drive({"POST", tasks, R"({"endpoint":"a","id":"held"})"}, 201);
    drive({"GET", tasks + "/held"}, 200);
    drive({"DELETE", tasks + "/held"}, 200);
    drive({"POST", all + "/none/resume"}, 404);
    drive({"POST", all + "/a/resume"}, 200);
    drive({"POST", all + "/a/test", R"({"url":"/y","headers":{"A":"1"}})"}, 200);
    drive({"POST", all + "/a/test", R"({"url":"y"})"}, 400);
    drive({"POST", all + "/none/test"}, 404);
    drive({"DELETE", all + "/a", {}, another}, 412);
    drive({"DELETE", all + "/a?force=maybe"}, 400);
    drive({"DELETE", all + "/a"}, 200);
    drive({"DELETE", all + "/a"}, 404);
  }

  void drive_previews() {
    const std::string tasks = "/v1/namespaces/ns/tasks";
    const char* const schedule = R"("schedule":{"cron":["0 9 * * *","0 12 L * *"],"max":5,
        "exclude":["--12-25",{"cron":"* * * * SAT"}],"jitter":"5m"})";
    drive({"POST", "/v1/schedule/preview", "{" + std::string(schedule) + "}"}, 200);
    drive({"POST", "/v1/schedule/preview", R"({"repeat":{"interval":1}})"}, 200);
    drive({"POST", "/v1/schedule/preview", "{}"}, 400);
    drive(
        {"POST", tasks, R"({"url":"http://127.0.0.1:9/x","id":"s",)" + std::string(schedule) + "}"},
        201);
    drive({"GET", tasks + "/s"}, 200);
    drive({"GET", tasks + "/s/preview?count=3"}, 200);
    drive({"GET", tasks + "/none/preview"}, 404);
  }

  // The last ones: from the first key on, who calls needs one.
  void drive_api_keys() {
    const std::string all = "/v1/admin/keys";
    drive({"POST", all, R"({"role":"read","namespaces":["a"]})"}, 409);
    const Reply made = post(all, R"({"role":"admin","namespaces":["*"]})");
    EXPECT_EQ(made.status, 201) << made.body;
    const auto key = json_of(made);
    using Headers = std::vector<std::pair<std::string, std::string>>;
    const std::string bearer = "Bearer " + std::string(key.at("key").as_string());
    const Headers admin = {{"Authorization", bearer}};
    const Headers another = {{"Authorization", bearer},
                             {"If-Match", "00000000-0000-0000-0000-000000000000"}};
    const std::string one = all + "/" + std::string(key.at("id").as_string());
    const std::string none = all + "/aaaaaaaaaaaa";
    drive({"POST", all,
           R"({"role":"read","namespaces":["a"],"description":"d","rate":"9/1s",
               "expiresAt":"2999-01-31T12:00:00Z"})",
           admin},
          201);
    drive({"POST", all, R"({"role":"read"})", admin}, 400);
    drive({"GET", all + "?limit=1", {}, admin}, 200);
    drive({"GET", all + "?limit=0", {}, admin}, 400);
    drive({"GET", one, {}, admin}, 200);
    drive({"GET", none, {}, admin}, 404);
    drive({"PATCH", one, R"({"description":"d","expiresAt":null})", admin}, 200);
    drive({"PATCH", one, R"({"role":"read"})", another}, 412);
    drive({"PATCH", none, R"({"role":"read"})", admin}, 404);
    drive({"DELETE", none, {}, admin}, 404);
    drive({"DELETE", one, {}, another}, 412);
    const auto page = json_of(send({"GET", all, {}, admin}));
    for (const auto& left : page.at("items").as_array()) {
      const std::string id(left.as_object().at("id").as_string());
      if (all + "/" + id != one) drive({"DELETE", all + "/" + id, {}, admin}, 200);
    }
    drive({"DELETE", one, {}, admin}, 200);
  }

  void drive_secrets() {
    const std::string all = "/v1/namespaces/ns/secrets";
    const std::string token = R"({"type":"token","value":"t0ken","description":"d"})";
    const std::string pair =
        R"({"type":"ed25519","value":"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpM)"
        R"(KkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="})";
    const std::vector<std::pair<std::string, std::string>> another = {
        {"If-Match", "00000000-0000-0000-0000-000000000000"}};
    drive({"PUT", all + "/t", token, another}, 412);
    drive({"PUT", all + "/t", token}, 201);
    drive({"PUT", all + "/t", token, {{"If-None-Match", "*"}}}, 412);
    drive({"PUT", all + "/t", token}, 200);
    drive({"PUT", all + "/t", pair}, 409);
    drive({"PUT", all + "/t", R"({"type":"token"})"}, 400);
    drive({"PUT", all + "/p", pair}, 201);
    drive({"GET", all + "/none"}, 404);
    drive({"GET", all + "?prefix=p&limit=1"}, 200);
    drive({"GET", all + "?limit=0"}, 400);
    const std::string rotation =
        R"({"value":"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4A)"
        R"(J6p9lMicMFs6Kvg==","overlap":"7d"})";
    drive({"POST", all + "/none/rotate", rotation}, 404);
    drive({"POST", all + "/p/rotate", "{}"}, 400);
    drive({"POST", all + "/p/rotate", rotation, another}, 412);
    drive({"POST", all + "/p/rotate", rotation}, 200);
    drive({"POST", all + "/p/rotate", rotation}, 409);
    drive({"GET", all + "/p"}, 200);
    const std::string endpoint = "/v1/namespaces/ns/endpoints/signed";
    drive({"PUT", endpoint, R"({"url":"http://127.0.0.1:9/x","signing":"p","auth":"t"})"}, 201);
    drive({"PUT", endpoint, R"({"url":"http://127.0.0.1:9/x","signing":"none"})"}, 404);
    drive({"DELETE", all + "/p"}, 409);
    drive({"DELETE", all + "/p?force=maybe"}, 400);
    drive({"DELETE", endpoint}, 200);
    drive({"DELETE", all + "/p", {}, another}, 412);
    drive({"DELETE", all + "/p"}, 200);
    drive({"DELETE", all + "/p"}, 404);
    drive_without_master_key(all, token);
  }

  // On the store of those who have one.
  void drive_without_master_key(const std::string& all, const std::string& token) {
    TestHooks keyless({}, std::make_unique<testing::FaultyStore>(memory_), std::nullopt, false);
    hooks_ = keyless.hooks.get();
    start();
    drive({"PUT", all + "/u", token}, 501);
    drive({"POST", all + "/t/rotate", R"({"value":"t"})"}, 501);
    drive({"GET", all + "/t"}, 200);
    hooks_ = test_.hooks.get();
    start();
  }

  void drive_redrive() {
    const std::string redrive = "/v1/namespaces/failed/redrive";
    const std::string tasks = "/v1/namespaces/failed/tasks";
    drive({"GET", redrive}, 404);
    drive({"DELETE", redrive}, 404);
    for (const char* id : {"a", "b", "c"}) {
      const std::string task = R"({"url":"http://127.0.0.1:9/x","id":")" + std::string(id) + "\"}";
      drive({"POST", tasks, task}, 201);
      drive({"POST", tasks + "/" + id + "/cancel"}, 200);
    }
    drive({"GET", tasks + "?status=FAILED&reason=cancelled"}, 200);
    drive({"GET", tasks + "?lastStatus=99"}, 400);
    // One in an hour: it is under way for as long as the clock stands.
    drive({"POST", redrive, R"({"reason":"cancelled","rate":"1/1h","from":"1970-01-01T00:00:00Z",
                                "to":"2999-01-01T00:00:00Z","max":10})"},
          201);
    drive({"POST", redrive}, 409);
    drive({"GET", redrive}, 200);
    drive({"POST", redrive, R"({"rate":"1/1ms"})"}, 400);
    drive({"DELETE", redrive}, 200);
  }

  json::object document_;
  mutable std::optional<json::value> root_;
  std::map<Operation, std::set<int>> produced_;
};

TEST_F(OpenApiTest, HasEveryRouteAndNoOther) {
  EXPECT_EQ(document_.at("openapi").as_string(), "3.1.0");
  std::set<Operation> routed;
  for (const Route& route : api_->router().routes()) {
    routed.emplace(lower(route.method), route.pattern);
  }
  std::set<Operation> documented;
  for (const auto& path : document_.at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      documented.emplace(std::string(method.key()), std::string(path.key()));
    }
  }
  EXPECT_EQ(routed, documented);
  EXPECT_EQ(routed.size(), 47u);
}

TEST_F(OpenApiTest, EveryReferenceLeadsSomewhere) {
  int references = 0;
  walk(root(), [&](const json::object& object) {
    const auto* ref = object.if_contains("$ref");
    if (!ref) return;
    ++references;
    EXPECT_NE(resolve(ref->as_string()), nullptr) << ref->as_string();
  });
  EXPECT_GT(references, 50);
}

TEST_F(OpenApiTest, EverySchemaIsUsedAndItsExampleIsRight) {
  std::set<std::string> used;
  walk(root(), [&](const json::object& object) {
    if (const auto* ref = object.if_contains("$ref")) used.insert(std::string(ref->as_string()));
  });
  for (const auto& schema : document_.at("components").at("schemas").as_object()) {
    const std::string name(schema.key());
    EXPECT_TRUE(used.contains("#/components/schemas/" + name)) << name;
    if (const auto* example = schema.value().as_object().if_contains("example")) {
      check(*example, schema.value(), name);
    }
  }
}

TEST_F(OpenApiTest, PathParametersAreDeclared) {
  for (const auto& path : document_.at("paths").as_object()) {
    std::set<std::string> in_path;
    const std::string text(path.key());
    for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
      in_path.insert(text.substr(at + 1, text.find('}', at) - at - 1));
    }
    for (const auto& operation : path.value().as_object()) {
      std::set<std::string> declared;
      if (const auto* parameters = operation.value().as_object().if_contains("parameters")) {
        for (const auto& parameter : parameters->as_array()) {
          const auto* ref = parameter.as_object().if_contains("$ref");
          const json::value& p = ref ? *resolve(ref->as_string()) : parameter;
          if (p.at("in").as_string() == "path") {
            declared.insert(std::string(p.at("name").as_string()));
            EXPECT_TRUE(p.at("required").as_bool());
          }
        }
      }
      EXPECT_EQ(declared, in_path) << text;
    }
  }
}

TEST_F(OpenApiTest, BodyExamplesAreAccepted) {
  const auto example = [&](const char* path, const char* method) {
    return json::serialize(document_.at("paths")
                               .at(path)
                               .at(method)
                               .at("requestBody")
                               .at("content")
                               .at("application/json")
                               .at("example"));
  };
  EXPECT_EQ(post("/v1/namespaces/ns/tasks", example("/v1/namespaces/{ns}/tasks", "post")).status,
            201);
  EXPECT_EQ(post("/v1/tasks/batch", example("/v1/tasks/batch", "post")).status, 200);
  EXPECT_EQ(
      post("/v1/namespaces/ns/tasks/delete", example("/v1/namespaces/{ns}/tasks/delete", "post"))
          .status,
      200);
  const std::string endpoint = "/v1/namespaces/ns/endpoints/acme";
  const char* const pattern = "/v1/namespaces/{ns}/endpoints/{name}";
  EXPECT_EQ(send({"PUT", endpoint, example(pattern, "put")}).status, 201);
  EXPECT_EQ(send({"PATCH", endpoint, example(pattern, "patch")}).status, 200);
  const std::string test = std::string(pattern) + "/test";
  EXPECT_EQ(post(endpoint + "/test", example(test.c_str(), "post")).status, 200);
  EXPECT_EQ(post("/v1/schedule/preview", example("/v1/schedule/preview", "post")).status, 200);
  const std::string secret = "/v1/namespaces/ns/secrets/";
  const char* const secrets = "/v1/namespaces/{ns}/secrets/{name}";
  EXPECT_EQ(send({"PUT", secret + "t", example(secrets, "put")}).status, 201);
  EXPECT_EQ(send({"PUT", secret + "h",
                  R"({"type":"hmac","value":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})"})
                .status,
            201);
  const std::string rotate = std::string(secrets) + "/rotate";
  EXPECT_EQ(post(secret + "h/rotate", example(rotate.c_str(), "post")).status, 200);
  EXPECT_EQ(
      post("/v1/namespaces/ns/redrive", example("/v1/namespaces/{ns}/redrive", "post")).status,
      201);
  const std::string keys = "/v1/admin/keys";
  const auto admin = json_of(post(keys, R"({"role":"admin","namespaces":["*"]})"));
  const std::string bearer = "Bearer " + std::string(admin.at("key").as_string());
  EXPECT_EQ(
      send({"POST", keys, example("/v1/admin/keys", "post"), {{"Authorization", bearer}}}).status,
      201);
  EXPECT_EQ(send({"PATCH",
                  keys + "/" + std::string(admin.at("id").as_string()),
                  example("/v1/admin/keys/{keyId}", "patch"),
                  {{"Authorization", bearer}}})
                .status,
            200);
}

// Drives every route to every status that its table entry names, and checks each answer.
TEST_F(OpenApiTest, AnswersAsDocumented) {
  const std::string tasks = "/v1/namespaces/ns/tasks";
  const std::string rich =
      R"({"idPrefix":"p","url":"http://127.0.0.1:9/x","method":"POST","headers":{"A":["1","2"]},
          "body":{"k":[1,null]},"repeat":{"interval":1,"unit":"days","max":2}})";
  drive({"POST", tasks, rich}, 201);
  const Call keyed{"POST", tasks, R"({"url":"http://127.0.0.1:9/x"})", {{"Idempotency-Key", "k"}}};
  drive(keyed, 201);
  drive(keyed, 200);
  Call other = keyed;
  other.body = R"({"url":"http://127.0.0.1:9/y"})";
  drive(other, 409);
  drive({"POST", tasks, R"({"url":1})"}, 400);
  drive({"POST", tasks, R"({"endpoint":"none"})"}, 404);
  drive({"POST", tasks,
         R"({"url":"http://127.0.0.1:9/x","id":"s","schedule":{"cron":["0 9 * * *","@hourly"],
             "timezone":"+02:00","start":"2030-01-01T00:00","end":"2090-01-01T00:00","max":5,
             "exclude":["--12-25",{"cron":"* * * * SUN"}],"jitter":"5m"}})"},
        201);
  drive({"GET", tasks + "/s"}, 200);
  drive({"POST", tasks, R"({"url":"http://127.0.0.1:9/x","schedule":{"rrule":"FREQ=DAILY"}})"},
        501);
  drive({"PUT", "/v1/namespaces/ns/endpoints/of-tasks", R"({"url":"http://127.0.0.1:9/x"})"}, 201);
  drive({"POST", tasks, R"({"endpoint":"of-tasks","flowKey":"k","url":"/y","id":"u",
                            "scheduledDate":"2090-01-01T00:00:00Z"})"},
        201);
  drive({"POST", tasks, R"({"endpoint":"of-tasks","scheduledDate":"2090-01-01T00:00:00Z"})"}, 201);
  drive({"DELETE", "/v1/namespaces/ns/endpoints/of-tasks"}, 409);
  drive({"GET", tasks + "?endpoint=of-tasks&limit=1"}, 200);
  drive({"DELETE", "/v1/namespaces/ns/endpoints/of-tasks?force=true"}, 200);
  drive({"POST", tasks, "url=x", {{"Content-Type", "application/x-www-form-urlencoded"}}}, 415);
  drive({"POST", tasks,
         R"({"url":"http://127.0.0.1:9/x","id":"t","scheduledDate":"2090-01-01T00:00:00Z"})"},
        201);
  drive({"GET", tasks + "?limit=1"}, 200);
  drive({"GET", tasks + "?limit=0"}, 400);

  drive({"POST", "/v1/trigger/dryrun"}, 200);
  drive({"POST", "/v1/trigger"}, 200);
  drive({"GET", tasks}, 200);
  drive({"GET", "/v1/namespaces/ns/logs?limit=1"}, 200);
  drive({"GET", "/v1/namespaces/ns/logs?status=x"}, 400);

  drive({"GET", tasks + "/t"}, 200);
  drive({"GET", tasks + "/none"}, 404);
  const std::string past = R"({"from":"2020-01-01T00:00Z","to":"2020-01-01T02:00Z"})";
  drive({"POST", tasks + "/s/backfill", past}, 200);
  drive({"POST", tasks + "/s/backfill", R"({"from":"2020-01-01T00:00Z"})"}, 400);
  drive({"POST", tasks + "/none/backfill", past}, 404);
  drive({"POST", tasks + "/t/backfill", past}, 409);
  for (const char* verb : {"/trigger", "/suspend", "/unsuspend"}) {
    drive({"POST", tasks + "/t" + verb}, 200);
    drive({"POST", tasks + "/none" + verb}, 404);
  }
  drive({"POST", tasks + "/t/unsuspend"}, 409);
  drive({"POST", tasks + "/t/suspend"}, 200);
  drive({"POST", tasks + "/t/suspend"}, 409);
  drive({"POST", tasks + "/t/trigger"}, 409);

  drive({"POST", "/v1/tasks/batch",
         R"({"items":[{"namespace":"ns","url":"http://127.0.0.1:9/x"},{}]})"},
        200);
  drive({"POST", "/v1/tasks/batch", "{}"}, 400);
  drive({"POST", tasks + "/suspend", R"({"chunkLimit":1})"}, 200);
  drive({"POST", tasks + "/unsuspend", R"({"chunkLimit":1})"}, 200);
  drive({"POST", tasks + "/unsuspend", R"({"status":"ACTIVE"})"}, 400);
  drive({"POST", tasks + "/none/cancel"}, 404);
  drive({"POST", tasks + "/t/cancel"}, 200);
  drive({"POST", tasks + "/t/cancel"}, 409);
  drive({"GET", tasks + "/t"}, 200);
  drive({"POST", tasks + "/cancel", R"({"chunkLimit":1})"}, 200);
  drive({"POST", tasks + "/cancel", R"({"status":"DONE"})"}, 400);
  drive({"GET", "/v1/namespaces?prefix=n&limit=1"}, 200);
  drive({"GET", "/v1/namespaces?limit=0"}, 400);
  drive({"POST", tasks + "/delete", R"({"chunkLimit":1})"}, 200);
  drive({"POST", tasks + "/delete", R"({"chunkLimit":"1"})"}, 400);
  drive({"DELETE", tasks + "/t"}, 200);
  drive({"DELETE", tasks + "/t"}, 404);
  drive({"DELETE", "/v1/namespaces/ns"}, 200);

  drive_endpoints();
  drive_secrets();
  drive_redrive();
  drive_previews();
  drive_api_keys();

  drive({"GET", "/healthz"}, 200);
  drive({"GET", "/readyz"}, 200);
  drive({"GET", "/metrics"}, 200);
  drive({"GET", "/v1/store"}, 200);
  drive({"GET", "/openapi.json"}, 200);
  store_->fail_always("*");
  drive({"GET", "/readyz"}, 503);
  drive({"POST", tasks, R"({"url":"http://127.0.0.1:9/x"})"}, 503);
  store_->heal();
  start("key");
  drive({"GET", tasks}, 401);

  for (const Route& route : api_->router().routes()) {
    for (const ResponseDoc& doc : route.responses) {
      EXPECT_TRUE((produced_[{lower(route.method), route.pattern}].contains(doc.status)))
          << route.method << " " << route.pattern << " " << doc.status;
    }
  }
}

// A failed delivery fills the fields that a good one leaves out.
TEST_F(OpenApiTest, FailedTasksAndLogsAreDescribed) {
  test_.sender->set_script([](const delivery::HttpRequest&) { return rhooks::Reply::status(500); });
  add("bad", R"(,"retryLimit":1,"timeout":"20s","deliverBefore":"9000-01-31T12:00:00Z",)"
             R"("callback":"ops","callbackOn":["task.failed"])");
  drive({"POST", "/v1/trigger"}, 200);
  drive({"GET", "/v1/namespaces/ns/tasks/bad"}, 200);
  EXPECT_TRUE(json_of(get("/v1/namespaces/ns/tasks/bad")).contains("nextAttemptDate"));
  test_.clock->advance(std::chrono::hours(1));
  drive({"POST", "/v1/trigger"}, 200);
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/tasks/bad")).at("status").as_string(), "FAILED");
  drive({"GET", "/v1/namespaces/ns/tasks/bad"}, 200);
  drive({"GET", "/v1/namespaces/ns/logs"}, 200);
}

TEST_F(OpenApiTest, SkippedAndPausedTasksAreDescribed) {
  test_.sender->set_script([](const delivery::HttpRequest&) { return rhooks::Reply::status(500); });
  const std::string tasks = "/v1/namespaces/ns/tasks";
  drive({"POST", tasks,
         R"({"url":"http://127.0.0.1:9/x","id":"paused","retryLimit":0,"maxErrors":1,
             "pauseOnFailure":true,"repeat":{"interval":1,"unit":"hours","max":0}})"},
        201);
  drive({"POST", tasks,
         R"({"url":"http://127.0.0.1:9/x","id":"late","schedule":{"cron":"0 * * * *",
             "missed":"skip","grace":"5m","overlap":"cutRetries"}})"},
        201);
  test_.clock->advance(std::chrono::minutes(330));
  drive({"POST", "/v1/trigger"}, 200);
  drive({"GET", tasks + "/paused"}, 200);
  drive({"GET", tasks + "/late"}, 200);
  drive({"GET", "/v1/namespaces/ns/logs"}, 200);
  EXPECT_TRUE(json_of(get(tasks + "/paused")).contains("note"));
  EXPECT_TRUE(json_of(get(tasks + "/late")).contains("skippedBefore"));
  const auto logs = json_of(get("/v1/namespaces/ns/logs"));
  EXPECT_TRUE(logs.at("items").at(0).as_object().contains("skippedBefore"));
}

}  // namespace
}  // namespace rhooks::rest::test
