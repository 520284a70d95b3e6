// What a registration over REST keeps of what was sent, and what makes it safe to send again.

#include <gmock/gmock.h>

#include <atomic>

#include "rest/test_api.h"
#include "testing/held_puts.h"
#include "testing/patience.h"

namespace rhooks::rest::test {
namespace {

// Those that wait for the store at the same time: no thread of the server waits with them.
TEST(ApiSharedWritesTest, RegistrationsOfManyClientsShareAWrite) {
  constexpr std::size_t kOthers = 20;
  store::MemoryStore memory(1);
  auto held = std::make_unique<testing::HeldPuts>(memory);
  testing::HeldPuts& puts = *held;
  const TestHooks hooks({}, std::move(held));
  const Api api(*hooks.hooks, {});
  HttpServerOptions options;
  api.connect(options);
  std::atomic<std::size_t> handed_over{0};
  options.handle_later = [&, later = options.handle_later](const HttpRequest& request,
                                                           Respond respond) {
    later(request, std::move(respond));
    ++handed_over;
  };
  HttpServer server(options, api.handler());
  ASSERT_TRUE(server.start());
  std::vector<Client> clients;
  const auto send = [&] {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().send(
        text_of({"POST", "/v1/namespaces/ns/tasks", R"({"url":"http://127.0.0.1:9/x"})"})));
  };
  send();
  ASSERT_TRUE(puts.wait_for_one());
  for (std::size_t i = 0; i < kOthers; ++i) send();
  EXPECT_TRUE(testing::eventually([&] { return handed_over > kOthers; }));
  puts.open();
  for (Client& client : clients) EXPECT_EQ(client.receive().status, 201);
  EXPECT_THAT(puts.sizes(), ::testing::ElementsAre(1, kOthers));
}

TEST_F(ApiTest, TheKeyMayStandInTheTaskAsWell) {
  const std::string path = "/v1/namespaces/ns/tasks";
  const std::string keyed = R"({"url":"http://127.0.0.1:9/x","idempotencyKey":"key 1"})";
  const Reply first = post(path, keyed);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(post(path, keyed).status, 200);
  Call both{"POST", path, keyed, {{"Idempotency-Key", "key 1"}}};
  EXPECT_EQ(send(both).body, first.body);
  both.body = R"({"url":"http://127.0.0.1:9/x"})";
  EXPECT_EQ(send(both).body, first.body);
  both.body = R"({"url":"http://127.0.0.1:9/x","idempotencyKey":"key 2"})";
  expect_problem(send(both), 400, "idempotencyKey");
  expect_problem(post(path, R"({"url":"http://127.0.0.1:9/y","idempotencyKey":"key 1"})"), 409,
                 "idempotencyKey");
  expect_problem(post(path, R"({"url":"http://127.0.0.1:9/x","idempotencyKey":"a","id":"b"})"), 400,
                 "idempotencyKey");
}

TEST_F(ApiTest, ASchedule) {
  const std::string path = "/v1/namespaces/ns/tasks";
  const auto with = [](const std::string& schedule) {
    return R"({"url":"http://127.0.0.1:9/x","id":"s","schedule":)" + schedule + "}";
  };
  const Reply made = post(path, with(R"({"cron":"0 9 * * MON-FRI","timezone":"+02:00","max":5})"));
  ASSERT_EQ(made.status, 201) << made.body;
  const auto task = json_of(made);
  EXPECT_EQ(task.at("scheduledDate"), "2030-01-01T07:00:00.000Z");
  EXPECT_EQ(task.at("schedule"),
            boost::json::parse(R"({"cron":"0 9 * * MON-FRI","timezone":"+02:00","max":5,
                                   "since":"2030-01-01T00:00:00.000Z"})"));
  expect_problem(post(path, with(R"({"cron":["* * * * *","0 25 * * *"]})")), 400,
                 "schedule.cron[1]");
  expect_problem(post(path, with(R"({"cron":"0 9 * * *","every":"1h"})")), 400, "schedule");
  expect_problem(post(path, with(R"({"cron":"0 9 * * *","missed":"some"})")), 400,
                 "schedule.missed");
  expect_problem(post(path, with(R"({"cron":"0 9 * * *","missed":"all","grace":"366d"})")), 400,
                 "schedule.grace");
  expect_problem(post(path, with(R"({"cron":"0 9 * * *","missed":"all","overlap":"skip"})")), 400,
                 "schedule.overlap");
  expect_problem(post(path, with(R"({"cron":"0 9 * * *","dst":{"gap":"skip"}})")), 501,
                 "schedule.dst");
}

TEST_F(ApiTest, ATaskThatPauses) {
  const std::string path = "/v1/namespaces/ns/tasks";
  const auto with = [](const std::string& more) {
    return R"({"url":"http://127.0.0.1:9/x","repeat":{"interval":1,"max":0},)" + more + "}";
  };
  const Reply made = post(path, with(R"("maxErrors":3,"pauseOnFailure":true)"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(json_of(made).at("maxErrors").as_int64(), 3);
  EXPECT_TRUE(json_of(made).at("pauseOnFailure").as_bool());
  expect_problem(post(path, with(R"("maxErrors":-1)")), 400, "maxErrors");
  expect_problem(post(path, with(R"("maxErrors":1000001)")), 400, "maxErrors");
  expect_problem(post(path, with(R"("pauseOnFailure":1)")), 400, "pauseOnFailure");
}

TEST_F(ApiTest, ABatchWithKeysIsSafeToSendAgain) {
  const auto batch = [&](const std::string& body) {
    const Reply reply = post(
        "/v1/tasks/batch",
        R"({"items":[{"namespace":"ns","url":"http://127.0.0.1:9/","method":"POST",)"
        R"("idempotencyKey":"a","body":)" +
            body + R"(},{"namespace":"ns","url":"http://127.0.0.1:9/","idempotencyKey":"b"}]})");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json_of(reply).at("items").as_array();
  };
  const auto statuses = [](const boost::json::array& items) {
    return std::pair(items.at(0).at("status").as_int64(), items.at(1).at("status").as_int64());
  };
  const auto first = batch(R"({"n": [1, 2]})");
  EXPECT_EQ(statuses(first), std::pair(201L, 201L));
  // White space makes no other content; the first task is shown.
  const auto again = batch(R"({"n":[1,2]})");
  EXPECT_EQ(statuses(again), std::pair(200L, 200L));
  EXPECT_EQ(again.at(0).at("task"), first.at(0).at("task"));
  EXPECT_EQ(again.at(1).at("task"), first.at(1).at("task"));
  const auto other = batch("[1,2]");
  EXPECT_EQ(statuses(other), std::pair(409L, 200L));
  EXPECT_EQ(other.at(0).at("error").at("field").as_string(), "idempotencyKey");
  EXPECT_EQ(json_of(get("/v1/namespaces/ns/tasks")).at("count").as_int64(), 2);
}

TEST_F(ApiTest, ABodyIsShownAsItWasGiven) {
  const std::string body = "{ \"b\":1.10,\n\t\"a\": [ -0, 1e400, null ] }";
  const Reply made =
      post("/v1/namespaces/ns/tasks",
           R"({"url":"http://127.0.0.1:9/x","id":"a","method":"POST","body": )" + body + " }");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_NE(made.body.find("\"body\":" + body + "}"), std::string::npos) << made.body;
  EXPECT_EQ(get("/v1/namespaces/ns/tasks/a").body, made.body);
  EXPECT_NE(get("/v1/namespaces/ns/tasks").body.find(body), std::string::npos);
}

TEST_F(ApiTest, NullIsNoBody) {
  const Reply made = post("/v1/namespaces/ns/tasks",
                          R"({"url":"http://127.0.0.1:9/x","body":null,"id":null,"repeat":null})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.body.find("\"body\""), std::string::npos) << made.body;
}

TEST_F(ApiTest, ABodyThatIsTooDeepDoesNotRefuseTheBatch) {
  const auto item = [](std::size_t depth) {
    return R"({"namespace":"ns","url":"http://127.0.0.1:9/","method":"POST","request":{"body":)" +
           std::string(depth, '[') + std::string(depth, ']') + "}}";
  };
  const Reply reply =
      post("/v1/tasks/batch", "{\"items\":[" + item(62) + "," + item(65) + "," + item(64) + "]}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.body.find("\"field\":\"items[1].request.body\""), std::string::npos)
      << reply.body;
  EXPECT_NE(reply.body.find(std::string(64, '[')), std::string::npos);
  EXPECT_EQ(reply.body.find(std::string(65, '[')), std::string::npos);
}

}  // namespace
}  // namespace rhooks::rest::test
