// Imports on both sides, and what they say of every answer a server may give.

#include "cli/file_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "cli/commands_fixture.h"
#include "testing/test_receiver.h"

namespace rhooks::cli {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string item(const std::string& more) {
  return R"({"namespace":"app","url":"http://127.0.0.1:9/","scheduledDate":"2100-01-01T00:00:00Z",)"
         R"("method":"POST",)" +
         more + "}\n";
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

class FileImportTest : public CommandsTest {
 protected:
  TestRun import(const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> line{"register", "--file", "-"};
    line.insert(line.end(), more.begin(), more.end());
    return run(line, file);
  }
  std::size_t stored() {
    const std::string lines = out({"fetch", "-n", "app", "--all", "--json"});
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  }
};
INSTANTIATE_TEST_SUITE_P(Sides, FileImportTest, ::testing::Bool(), side_name);

TEST_P(FileImportTest, DeepBodiesAndLongNumbersAreImportedAsTheyAre) {
  const std::vector<std::string> bodies = {"12345678901234567890.10",
                                           "1.10",
                                           "-0",
                                           "1e400",
                                           nested(28),
                                           nested(61),
                                           nested(62),
                                           nested(64)};
  std::string file;
  for (const std::string& body : bodies) file += item("\"body\":" + body);
  const TestRun plain = import(file);
  EXPECT_EQ(plain.out, "registered 8 tasks\n") << plain.err;
  EXPECT_EQ(plain.exit_code, kExitDone);

  const TestRun shown = import(file, {"--json"});
  EXPECT_EQ(shown.exit_code, kExitDone) << shown.err;
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 1);
  for (const std::string& body : bodies) {
    EXPECT_THAT(shown.out, HasSubstr("\"body\":" + body + "}")) << shown.err;
  }
}

// One document a line, although bodies are shown as they were given.
TEST_P(FileImportTest, BodiesWithLineBreaksStayOnOneLine) {
  const TestRun shown = import("[" + item("\"body\":{\n \"a\": 1\n}") + "]", {"--json"});
  EXPECT_EQ(shown.exit_code, kExitDone) << shown.err;
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 1) << shown.out;
  const std::string all = out({"fetch", "-n", "app", "--all", "--json"});
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1) << all;
  EXPECT_THAT(out({"fetch", "-n", "app", "--json"}), HasSubstr("\"body\":{\n \"a\": 1\n}"));
}

TEST_P(FileImportTest, ABodyThatIsTooDeepIsNamedAndTheOthersAreStored) {
  std::string file;
  for (int i = 0; i <= 1000; ++i) {
    file += item(i == 700 ? "\"body\":" + nested(65) : "\"body\":" + std::to_string(i));
  }
  const TestRun run = import(file);
  EXPECT_EQ(run.out, "registered 1000 tasks, 1 refused\n");
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_THAT(run.err, HasSubstr("items[700].body: is nested deeper than 64 levels"));
}

TEST_P(FileImportTest, ANamedImportIsSafeToRepeat) {
  const std::vector<std::string> named{"--idempotency-key", "import-17"};
  std::string file = item("\"body\":{\"n\": 1}") + item("\"body\":2");
  EXPECT_EQ(import(file, named).out, "registered 2 tasks\n");
  const TestRun again = import(file, named);
  EXPECT_EQ(again.out, "registered 0 tasks, 2 registered before\n");
  EXPECT_EQ(again.exit_code, kExitDone);

  // Lines may move, come and be laid out anew: only what is new is registered.
  file = item("\"body\":3") + item("\"body\":2") + item("\"body\" : { \"n\":1 }");
  EXPECT_EQ(import(file, named).out, "registered 1 task, 2 registered before\n");
  // Tasks that are equal are as many tasks as there are.
  EXPECT_EQ(import(file + file, named).out, "registered 3 tasks, 3 registered before\n");
  EXPECT_EQ(import(file + file, named).out, "registered 0 tasks, 6 registered before\n");
  // Under another name it is another import.
  EXPECT_EQ(import(file, {"--idempotency-key", "import-18"}).out, "registered 3 tasks\n");
  EXPECT_EQ(stored(), 9U);
}

TEST_P(FileImportTest, AnItemMayHaveItsOwnKeyOrId) {
  const std::string file = item(R"("idempotencyKey":"a","body":1)") + item(R"("id":"b")");
  EXPECT_EQ(import(file).out, "registered 2 tasks\n");
  const TestRun again = import(file, {"--idempotency-key", "import"});
  EXPECT_EQ(again.out, "registered 0 tasks, 1 registered before, 1 refused\n");
  EXPECT_THAT(again.err, HasSubstr("items[1].id: task 'b' exists already"));
  const TestRun other = import(item(R"("idempotencyKey":"a","body":2)"));
  EXPECT_EQ(other.out, "registered 0 tasks, 1 refused\n");
  EXPECT_THAT(other.err, HasSubstr("items[0].idempotencyKey: "));
  EXPECT_EQ(stored(), 2U);
}

TEST_P(FileImportTest, NullIsAbsence) {
  const TestRun run = import(item(R"("id":null,"idempotencyKey":null,"repeat":null,"body":null)"));
  EXPECT_EQ(run.exit_code, kExitDone) << run.err;
  EXPECT_THAT(out({"fetch", "-n", "app", "--json"}), Not(HasSubstr("\"body\"")));
}

TEST_P(FileImportTest, AFileThatEndsTooEarlySaysWhereTheRestBegins) {
  const TestRun run = import(item("\"body\":1") + item("\"body\":2") + "{\"url\":");
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_EQ(run.out, "registered 2 tasks\n");
  EXPECT_THAT(run.err, HasSubstr("line 3: the file ends in the middle of a task"));
  EXPECT_THAT(run.err, HasSubstr("items[2] and what follows was not tried"));
}

// A server of the test's own, that takes the tasks of each batch and answers as `answer` says.
class ScriptedServer {
 public:
  using Answer = std::function<testing::TestResponse(
      int batch, const std::vector<Result<Registration>>& registered)>;

  explicit ScriptedServer(Answer answer)
      : receiver_([this, answer = std::move(answer)](const testing::TestRequest& request) {
          std::vector<Result<Registration>> results;
          const auto tasks = codec::parse_new_tasks(request.body).value();
          for (const Result<NewTask>& task : tasks) {
            Registration made;
            made.task.key = {task->ns, "id-" + std::to_string(taken_++)};
            made.task.request = task->request;
            results.push_back(made);
          }
          return answer(++batches_, results);
        }) {}

  static testing::TestResponse json(std::string body, int status = 200,
                                    const char* type = "application/json") {
    auto response = testing::TestResponse::with_status(status, std::move(body));
    response.headers.push_back({"Content-Type", type});
    return response;
  }

  TestRun import(std::size_t tasks, std::vector<std::string> more = {}) {
    std::string file;
    for (std::size_t i = 0; i < tasks; ++i) file += item("\"body\":" + std::to_string(i));
    std::string server = receiver_.url("/");
    server.pop_back();
    std::vector<std::string> line{"register", "--file", "-", "--server", server};
    line.insert(line.end(), more.begin(), more.end());
    return run_line(line, {}, file);
  }
  int batches() const { return batches_; }

 private:
  std::atomic<int> taken_{0};
  std::atomic<int> batches_{0};
  testing::TestReceiver receiver_;
};

using Registrations = std::vector<Result<Registration>>;

// The second batch of three gets this answer.
TestRun import_with(const testing::TestResponse& second, int* batches = nullptr,
                    std::vector<std::string> more = {}) {
  ScriptedServer server([&](int batch, const Registrations& registered) {
    return batch == 2 ? second : ScriptedServer::json(codec::to_json(registered));
  });
  const TestRun run = server.import(2500, std::move(more));
  if (batches != nullptr) *batches = server.batches();
  return run;
}

TEST(FileImportAnswersTest, WhatMayBeStoredIsSaid) {
  using testing::TestResponse;
  const std::vector<TestResponse> answers = {
      TestResponse::with_fault(TestResponse::Fault::kCloseBeforeResponse),
      TestResponse::with_fault(TestResponse::Fault::kCloseMidBody, "{\"items\":["),
      ScriptedServer::json("{\"items\":[{"),
      ScriptedServer::json("{\"items\":[]}"),
      ScriptedServer::json("[]"),
      ScriptedServer::json(codec::to_problem_json({ErrorCode::kUnknownOutcome, "perhaps", ""}), 503,
                           "application/problem+json"),
      ScriptedServer::json(codec::to_problem_json({ErrorCode::kInternal, "a defect", ""}), 500,
                           "application/problem+json"),
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    int batches = 0;
    const TestRun run = import_with(answers[i], &batches);
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_EQ(run.out, "registered 1000 tasks, 1000 perhaps stored\n") << i << run.err;
    EXPECT_THAT(run.err, HasSubstr("items[1000] to items[1999] may be stored, all, some or none"))
        << i;
    EXPECT_THAT(run.err, HasSubstr("items[2000] and what follows was not tried")) << i;
    EXPECT_THAT(run.err, HasSubstr("--idempotency-key")) << i;
    // Nothing is sent a second time by itself: what is stored already would be doubled.
    EXPECT_EQ(batches, 2) << i;
  }
}

TEST(FileImportAnswersTest, WhatIsSurelyNotStoredIsSaid) {
  for (const ErrorCode code :
       {ErrorCode::kUnavailable, ErrorCode::kOverloaded, ErrorCode::kInvalidArgument}) {
    const TestRun run =
        import_with(ScriptedServer::json(codec::to_problem_json({code, "not now", ""}),
                                         codec::http_status(code), "application/problem+json"));
    EXPECT_EQ(run.exit_code, kExitFailed);
    EXPECT_THAT(run.out, AnyOf("registered 1000 tasks, 1000 not stored\n",
                               "registered 1000 tasks, 1000 refused\n"));
    EXPECT_THAT(run.err, HasSubstr("not now"));
    EXPECT_THAT(run.err, HasSubstr("items[1000] to items[1999]: nothing of these was stored"));
    EXPECT_THAT(run.err, HasSubstr("items[2000] and what follows was not tried"));
  }
}

TEST(FileImportAnswersTest, EachResultIsTakenByItself) {
  ScriptedServer server([](int batch, Registrations registered) {
    if (batch == 2) {
      registered[1] = fail(ErrorCode::kInvalidArgument, "items[1].url: is refused", "items[1].url");
      registered[2] = fail(ErrorCode::kUnavailable, "not now", "");
      registered[3] = fail(ErrorCode::kUnknownOutcome, "perhaps", "");
      registered[4]->created = false;
    }
    std::string body = codec::to_json(registered);
    // Of a newer server, say: it cannot be read, and the others can.
    if (batch == 2) body.replace(body.find("ACTIVE"), 6, "FROZEN");
    return ScriptedServer::json(body);
  });
  const TestRun run = server.import(2500);
  EXPECT_EQ(run.exit_code, kExitFailed);
  EXPECT_EQ(run.out,
            "registered 2495 tasks, 1 registered before, 1 refused, 1 not stored, "
            "2 perhaps stored\n")
      << run.err;
  for (const char* line :
       {"items[1000].task.status: may be stored: ", "items[1001].url: is refused",
        "items[1002]: not now", "items[1003]: may be stored: perhaps"}) {
    EXPECT_THAT(run.err, HasSubstr(line));
  }
  EXPECT_THAT(run.err, Not(HasSubstr("not tried")));
}

// A program that reads the output learns of every task that was sent.
TEST(FileImportAnswersTest, WithJsonEveryTaskThatWasSentHasAResult) {
  const TestRun run = import_with(
      testing::TestResponse::with_fault(testing::TestResponse::Fault::kCloseBeforeResponse),
      nullptr, {"--json"});
  std::istringstream lines(run.out);
  std::vector<Registrations> chunks;
  for (std::string line; std::getline(lines, line);) {
    chunks.push_back(codec::parse_registrations(line).value());
  }
  ASSERT_EQ(chunks.size(), 2U);
  ASSERT_EQ(chunks[0].size(), 1000U);
  EXPECT_TRUE(chunks[0][999]);
  ASSERT_EQ(chunks[1].size(), 1000U);
  for (const auto& result : chunks[1]) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnknownOutcome);
  }
}

TEST(FileImportAnswersTest, ItSaysHowToGoOn) {
  using testing::TestResponse;
  const auto lost = TestResponse::with_fault(TestResponse::Fault::kCloseBeforeResponse);
  const std::string again = "register the whole file again to go on";
  const std::string twice = "would be registered a second time";
  EXPECT_THAT(import_with(lost).err, HasSubstr(twice));
  EXPECT_THAT(import_with(lost, nullptr, {"--idempotency-key", "i"}).err, HasSubstr(again));
  // Where the last tasks fail, nothing is left that was not tried.
  ScriptedServer server([&](int batch, const Registrations& registered) {
    return batch == 3 ? lost : ScriptedServer::json(codec::to_json(registered));
  });
  const TestRun end = server.import(2500);
  EXPECT_EQ(end.out, "registered 2000 tasks, 500 perhaps stored\n");
  EXPECT_THAT(end.err, HasSubstr("items[2000] to items[2499] may be stored"));
  EXPECT_THAT(end.err, Not(HasSubstr("not tried")));
  EXPECT_THAT(end.err, HasSubstr(twice));
}

}  // namespace
}  // namespace rhooks::cli
