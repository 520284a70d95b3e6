// One thing at a time goes wrong in a sound world, and the verdict has to say that and no more.
#include "tests/crash_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/iso8601.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using std::chrono::milliseconds;

constexpr TimePoint kStart{1'800'000'000'000ms};

TimePoint at(int ms) {
  return kStart + milliseconds{ms};
}
std::string text(int ms) {
  return format_time(at(ms));
}

// The tasks, by number; the last two are not in the store.
enum : std::size_t { kOnce, kRecurring, kRetried, kBad, kReset, kSuspended, kDeleted, kUnknown };

LoadTask task(std::size_t number, ReceiverBehavior behavior = ReceiverBehavior::kGood) {
  LoadTask task;
  task.number = number;
  task.id = "id-" + std::to_string(number);
  task.behavior = behavior;
  task.scheduled = at(0);
  task.retry_limit = 10;
  task.acknowledged = true;
  return task;
}

std::string webhook_id(std::size_t task, int occurrence) {
  return std::to_string(task) + "-" + std::to_string(occurrence);
}

Delivery delivery(std::size_t task, int ms, int occurrence = 0) {
  return {task, webhook_id(task, occurrence), at(ms)};
}

// Of an attempt that takes 50 ms; its occurrence is the one of that second.
json::object log(std::size_t task, int ms, int attempt = 1, int status = 200, int occurrence = 0) {
  return {{"request",
           {{"body", {{"n", task}}}, {"headers", {{"webhook-id", webhook_id(task, occurrence)}}}}},
          {"attempt", attempt},
          {"status", status == 200 ? "SUCCESS" : "FAIL"},
          {"response", {{"status", status}}},
          {"scheduledDate", text(1'000 * occurrence)},
          {"startedAt", text(ms)},
          {"durationMs", 50}};
}

json::object stored(std::size_t task, const char* status = "DONE", int successful = 1,
                    int failed = 0) {
  return {{"request", {{"body", {{"n", task}}}}},
          {"status", status},
          {"scheduledDate", text(0)},
          {"execution",
           {{"count", successful + failed},
            {"successful", successful},
            {"failed", failed},
            {"skipped", 0}}}};
}

struct World : CrashHistory {
  World() {
    tasks = {task(kOnce),
             task(kRecurring),
             task(kRetried, ReceiverBehavior::kRetryAfter),
             task(kBad, ReceiverBehavior::kBad),
             task(kReset, ReceiverBehavior::kResets),
             task(kSuspended),
             task(kDeleted),
             task(kUnknown)};
    attempt(kOnce, 10);
    stored_tasks.push_back(stored(kOnce));

    // Three executions; the occurrence after the first is skipped.
    tasks[kRecurring].executions = 3;
    tasks[kRecurring].interval = 1s;
    attempt(kRecurring, 10);
    attempt(kRecurring, 2'010, 1, 200, 2);
    attempt(kRecurring, 3'010, 1, 200, 3);
    stored_tasks.push_back(stored(kRecurring, "DONE", 3));
    stored_tasks.back()["scheduledDate"] = text(3'000);
    execution(kRecurring)["skipped"] = 1;

    attempt(kRetried, 10, 1, 503);
    attempt(kRetried, 1'100, 2);
    stored_tasks.push_back(stored(kRetried));

    tasks[kBad].retry_limit = 1;
    attempt(kBad, 10, 1, 500);
    attempt(kBad, 100, 2, 500);
    stored_tasks.push_back(stored(kBad, "FAILED", 0, 1));

    // Sent again within the attempt.
    attempt(kReset, 10);
    deliveries.back().may_be_sent_again = true;
    deliveries.push_back(delivery(kReset, 20));
    stored_tasks.push_back(stored(kReset));

    tasks[kSuspended].suspended = {{at(100), at(2'000)}};
    attempt(kSuspended, 2'010);
    stored_tasks.push_back(stored(kSuspended));

    // During its attempt.
    tasks[kDeleted].delete_sent = true;
    tasks[kDeleted].deleted = at(30);
    tasks[kDeleted].attempt_at_delete = true;
    attempt(kDeleted, 40);

    tasks[kUnknown].acknowledged = false;
  }

  void attempt(std::size_t task, int ms, int number = 1, int status = 200, int occurrence = 0) {
    deliveries.push_back(delivery(task, ms, occurrence));
    stored_logs.push_back(log(task, ms, number, status, occurrence));
  }
  json::object& execution(std::size_t task) { return stored_tasks[task]["execution"].as_object(); }
  json::object& log_of(std::size_t task) { return *find_log(task); }
  Delivery& delivery_of(std::size_t task) { return *find_delivery(task); }
  // The first ones.
  void lose_log(std::size_t task) { stored_logs.erase(find_log(task)); }
  void lose_delivery(std::size_t task) { deliveries.erase(find_delivery(task)); }

 private:
  std::vector<json::object>::iterator find_log(std::size_t task) {
    return std::find_if(stored_logs.begin(), stored_logs.end(), [&](const json::object& log) {
      return log.at("request").at("body").at("n").to_number<std::size_t>() == task;
    });
  }
  std::vector<Delivery>::iterator find_delivery(std::size_t task) {
    return std::find_if(deliveries.begin(), deliveries.end(),
                        [&](const Delivery& delivery) { return delivery.number == task; });
  }
};

class CrashCheckerTest : public ::testing::Test {
 protected:
  // Exactly so much is wrong, each with that in it.
  Verdict expect_wrong(const std::vector<std::string>& parts) {
    const Verdict verdict = check_history(world, options);
    std::vector<::testing::Matcher<std::string>> all;
    for (const std::string& part : parts) all.push_back(::testing::HasSubstr(part));
    EXPECT_THAT(verdict.wrong, ::testing::UnorderedElementsAreArray(all));
    return verdict;
  }
  Verdict expect_sound() { return expect_wrong({}); }

  World world;
  CheckOptions options;
};

TEST_F(CrashCheckerTest, OfASoundWorld) {
  const Verdict verdict = expect_sound();
  EXPECT_EQ(verdict.acknowledged, 7u);
  EXPECT_EQ(verdict.deleted, 1u);
  EXPECT_EQ(verdict.deliveries, 12u);
  EXPECT_EQ(verdict.lost, 0u);
  EXPECT_EQ(verdict.repeats, 0u);
  EXPECT_EQ(verdict.unlogged, 0u);
}

TEST_F(CrashCheckerTest, AnAnswerThatShouldNotHaveBeenGiven) {
  world.complaints = {"register: 500 {}"};
  EXPECT_THAT(expect_wrong({"answer to register: 500"}).first_wrong(),
              ::testing::HasSubstr("1 things are wrong:\n  answer to register: 500 {}"));
}

TEST_F(CrashCheckerTest, LostFromTheStore) {
  world.stored_tasks.erase(world.stored_tasks.begin() + kOnce);
  EXPECT_EQ(
      expect_wrong({"task 0 (id-0, behavior 0, executions 1): acknowledged, and not in the store"})
          .lost,
      1u);
}
TEST_F(CrashCheckerTest, LostByAnExecutionWithoutARequest) {
  world.lose_delivery(kRecurring);
  EXPECT_EQ(
      expect_wrong({"3 executions, and requests of 2", "more successes than there were"}).lost, 1u);
}
TEST_F(CrashCheckerTest, TwiceInTheStore) {
  world.stored_tasks.push_back(stored(kOnce));
  expect_wrong({"task 0 (id-0, behavior 0, executions 1): twice in the store"});
}

TEST_F(CrashCheckerTest, NotInAFinalState) {
  world.stored_tasks[kOnce]["status"] = "ACTIVE";
  expect_wrong({"task 0 (id-0, behavior 0, executions 1) is ACTIVE"});
}
TEST_F(CrashCheckerTest, InTheWrongFinalState) {
  world.stored_tasks[kOnce]["status"] = "FAILED";
  world.stored_tasks[kBad]["status"] = "DONE";
  expect_wrong({"is FAILED", "is DONE"});
}

TEST_F(CrashCheckerTest, ExecutionsMoreThanAskedFor) {
  world.tasks[kRecurring].executions = 2;
  world.execution(kRecurring)["skipped"] = 2;
  expect_wrong({R"({"count":3,)"});
}
TEST_F(CrashCheckerTest, ExecutionsThatDoNotAddUp) {
  world.execution(kRecurring)["failed"] = 1;
  expect_wrong({R"("failed":1)"});
}
TEST_F(CrashCheckerTest, ExecutionsThatSucceededAndAreCountedAsFailed) {
  world.execution(kRecurring)["successful"] = 2;
  world.execution(kRecurring)["failed"] = 1;
  expect_wrong({"logs of successes of 3"});
  options.log_with_outcome = false;  // another attempt of it may have failed
  expect_sound();
}
TEST_F(CrashCheckerTest, SkippedAndNotCounted) {
  world.execution(kRecurring)["skipped"] = 0;
  expect_wrong({"4 occurrences, and 0 skipped"});
}
TEST_F(CrashCheckerTest, SkippedWhereNothingRepeats) {
  world.execution(kOnce)["skipped"] = 1;
  expect_wrong({"1 occurrences, and 1 skipped"});
}
TEST_F(CrashCheckerTest, TheScheduleDrifts) {
  world.stored_tasks[kRecurring]["scheduledDate"] = text(3'001);
  expect_wrong({"its scheduledDate is not that of an occurrence"});
}
TEST_F(CrashCheckerTest, TheScheduleOfOneThatDoesNotRepeatIsAnother) {
  world.stored_tasks[kOnce]["scheduledDate"] = text(1'000);
  expect_wrong({"its scheduledDate is not that of an occurrence"});
}

TEST_F(CrashCheckerTest, AnExecutionWithoutALog) {
  world.lose_log(kRecurring);
  options.cut_off_max = 1;
  EXPECT_EQ(expect_wrong({"3 executions, and logs of 2"}).unlogged, 1u);
}
TEST_F(CrashCheckerTest, LogsOfMoreExecutionsThanTheTaskTells) {
  world.attempt(kRecurring, 1'010, 1, 200, 1);
  options.cut_off_max = 1;
  expect_wrong({"3 executions, and logs of 4"});
  // One for each attempt that a crash cut off between its log and its outcome.
  options.log_with_outcome = false;
  expect_sound();
  options.cut_off_max = 0;
  expect_wrong({"1 occurrences that the logs tell more of than the tasks, and crashes cut off 0"});
}

TEST_F(CrashCheckerTest, Repeated) {
  world.deliveries.push_back(delivery(kRecurring, 20));
  const Verdict verdict = expect_wrong(
      {"repeated, requests 2027-01-15T08:00:00.010Z 2027-01-15T08:00:00.020Z, logs 1 ok",
       "1 repeats, and crashes cut off 0", "1 requests without a log, and crashes"});
  EXPECT_EQ(verdict.repeats, 1u);
  EXPECT_EQ(verdict.unlogged, 1u);
  options.cut_off_max = 1;
  EXPECT_EQ(expect_sound().repeats, 1u);
  world.deliveries.push_back(delivery(kOnce, 20));
  expect_wrong({"2 repeats, and crashes cut off 1", "2 requests without a log, and crashes"});
}
TEST_F(CrashCheckerTest, RepeatedMoreOftenThanAResetExplains) {
  world.deliveries.push_back(delivery(kReset, 30));
  options.cut_off_max = 1;
  const Verdict verdict = expect_sound();
  EXPECT_EQ(verdict.repeats, 1u);
  EXPECT_EQ(verdict.unlogged, 1u);
}
TEST_F(CrashCheckerTest, AnAttemptThatIsCutOffAndNotMadeAgainHasNoLog) {
  world.lose_log(kDeleted);
  const Verdict verdict = expect_wrong({"1 requests without a log, and crashes cut off 0"});
  EXPECT_EQ(verdict.unlogged, 1u);
  EXPECT_EQ(verdict.repeats, 0u);
}

TEST_F(CrashCheckerTest, MoreSuccessesThanRequests) {
  world.lose_delivery(kDeleted);
  expect_wrong({"logs of more successes than there were requests"});
}
TEST_F(CrashCheckerTest, TwoLogsOfOneAttempt) {
  world.attempt(kBad, 60, 1, 500);
  options.cut_off_max = 1;
  expect_wrong({"3 logs of 2 attempts"});
  options.log_with_outcome = false;
  EXPECT_EQ(expect_sound().repeats, 1u);
}
TEST_F(CrashCheckerTest, AnAttemptIsMissingInTheLogs) {
  world.lose_log(kBad);
  options.cut_off_max = 1;
  expect_wrong({"1 logs of 2 attempts"});
}
TEST_F(CrashCheckerTest, MoreAttemptsThanTheRetryLimit) {
  world.attempt(kBad, 200, 3, 500);
  expect_wrong({"3 attempts, retryLimit 1"});
}

TEST_F(CrashCheckerTest, AttemptedAgainAfterASuccess) {
  world.attempt(kOnce, 500, 2);
  expect_wrong({"attempted again after a success"});
  options.log_with_outcome = false;
  expect_sound();
}
TEST_F(CrashCheckerTest, RepeatedAfterItsSuccessWasStored) {
  options.cut_off_max = 1;
  world.deliveries.push_back(delivery(kOnce, 500));
  expect_wrong({"repeated after its success was stored"});
  options.log_with_outcome = false;
  expect_sound();
  options.log_with_outcome = true;
  options.clock_was_steady = false;
  expect_sound();
}

TEST_F(CrashCheckerTest, ADeleteThatIsNeverAnswered) {
  world.tasks[kDeleted].deleted.reset();
  EXPECT_EQ(expect_wrong({"its delete was never answered"}).deleted, 0u);
}
TEST_F(CrashCheckerTest, InTheStoreAfterItsDelete) {
  world.stored_tasks.push_back(stored(kDeleted));
  expect_wrong({"deleted, and in the store"});
}
TEST_F(CrashCheckerTest, DeliveredAfterItsDelete) {
  world.tasks[kDeleted].attempt_at_delete = false;
  expect_wrong({"1 requests after its delete was acknowledged"});
}
TEST_F(CrashCheckerTest, DeliveredAfterItsDeleteDuringAnAttempt) {
  world.attempt(kDeleted, 500, 2, 500);
  world.log_of(kDeleted)["status"] = "FAIL";
  expect_wrong({"2 requests after its delete was acknowledged during an attempt"});
}
TEST_F(CrashCheckerTest, TheAttemptAtADeleteMaySendItsRequestAgain) {
  world.delivery_of(kDeleted).may_be_sent_again = true;
  world.deliveries.push_back(delivery(kDeleted, 50));
  expect_sound();
  world.tasks[kDeleted].attempt_at_delete = false;
  expect_wrong({"2 requests after its delete was acknowledged"});
}

TEST_F(CrashCheckerTest, LateBytesThatCrossedItMayHaveBeenTakenForItsAnswer) {
  world.lose_log(kBad);
  world.lose_log(kBad);
  world.stored_logs.push_back(log(kBad, 10, 1, 500));
  world.stored_logs.push_back(log(kBad, 100, 2, 200));
  world.stored_tasks[kBad] = stored(kBad);
  expect_wrong({"is DONE"});
  world.delivery_of(kBad).crossed = true;
  EXPECT_EQ(expect_sound().crossed, 1u);
}

TEST_F(CrashCheckerTest, SentOnAConnectionWithLateBytes) {
  world.delivery_of(kOnce).late_waited = 250ms;
  expect_sound();
  world.delivery_of(kOnce).late_waited = 251ms;
  expect_wrong({"sent on a connection with late bytes that had waited for 251 ms"});
}

TEST_F(CrashCheckerTest, SentAgainAndAgainOnConnectionsWithLateBytes) {
  world.late = 1;
  for (int i = 0; i < 5; ++i) {
    world.deliveries.push_back(delivery(kOnce, 20));
    world.deliveries.back().crossed = world.deliveries.back().may_be_sent_again = true;
  }
  EXPECT_EQ(expect_sound().late, 1u);
  world.delivery_of(kOnce).crossed = true;
  expect_wrong({"6 requests on connections with late bytes, which were written 1 times"});
  world.late = 2;
  expect_sound();
}

TEST_F(CrashCheckerTest, DeliveredBeforeItsTime) {
  world.delivery_of(kOnce).at -= 30ms;
  expect_wrong({"a request 20 ms before its time"});
  // The servers' clock was ahead.
  options.servers_time = [](Clock::Micros at) { return at + 20ms; };
  expect_sound();
}
TEST_F(CrashCheckerTest, ALaterOccurrenceIsDeliveredBeforeItsTime) {
  world.deliveries[3].at -= 30ms;
  expect_wrong({"a request 20 ms before its time"});
}
TEST_F(CrashCheckerTest, DeliveredBeforeItsTimeWithoutALog) {
  world.deliveries.push_back(delivery(kUnknown, -20));
  options.cut_off_max = 1;
  expect_wrong({"a request 20 ms before its time"});
}
TEST_F(CrashCheckerTest, AttemptedBeforeItsTimeByTheLog) {
  world.log_of(kOnce)["startedAt"] = text(-1);
  expect_wrong({"the log says that it was attempted before its time"});
  options.clock_was_steady = false;
  expect_sound();
}
// Or else a request before its time were in time by its log.
TEST_F(CrashCheckerTest, ALogOfAnOccurrenceThatTheTaskDoesNotHave) {
  world.delivery_of(kOnce).at -= 1'000ms;
  world.log_of(kOnce)["startedAt"] = text(-990);
  world.log_of(kOnce)["scheduledDate"] = text(-1'000);
  expect_wrong({"a log of an occurrence that it does not have"});
}

TEST_F(CrashCheckerTest, DeliveredWhileSuspended) {
  world.delivery_of(kSuspended).at -= 20ms;
  expect_wrong({"while it was suspended"});
}
TEST_F(CrashCheckerTest, DeliveredThoughItsSuspensionNeverEnded) {
  world.tasks[kSuspended].suspended.clear();
  world.tasks[kSuspended].suspended_since = at(100);
  expect_wrong({"while it was suspended"});
}

TEST_F(CrashCheckerTest, RetriedBeforeRetryAfter) {
  world.log_of(kRetried)["durationMs"] = 91;
  expect_wrong({"attempted again before Retry-After"});
  options.clock_was_steady = false;
  expect_sound();
}
TEST_F(CrashCheckerTest, RetryAfterOfAnAttemptThatWasMadeAgainDoesNotCount) {
  world.attempt(kRetried, 300, 1, 500);
  world.log_of(kRetried)["durationMs"] = 91;
  options.cut_off_max = 1;
  options.log_with_outcome = false;
  expect_sound();
}

}  // namespace
}  // namespace rhooks::testing
