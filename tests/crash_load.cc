#include "tests/crash_load.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/ascii.h"
#include "base/iso8601.h"
#include "testing/late_bytes.h"
#include "testing/patience.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A server that does not answer for so long is asked again, or another is.
constexpr auto kCallTimeout = 5s;
// How long a user goes on asking. Longer than any server is away.
constexpr auto kInsistFor = kPatience;
constexpr auto kAskAgainAfter = 20ms;

constexpr std::array<const char*, kReceiverBehaviors> kNames = {
    "good", "slow", "fails", "later", "resets", "breaks", "hangs", "bad", "late"};

// How long after an answer more comes: mostly before the connection serves again.
constexpr auto kLateMax = 20ms;

Clock::Micros true_time() {
  return SystemClock().now_micros();
}

std::size_t below(std::mt19937_64& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}
bool one_in(std::mt19937_64& random, std::size_t n) {
  return below(random, n) == 0;
}

ReceiverBehavior draw_behavior(std::mt19937_64& random) {
  static constexpr std::array<int, kReceiverBehaviors> kWeights = {36, 12, 14, 6, 6, 4, 2, 6, 14};
  return static_cast<ReceiverBehavior>(
      std::discrete_distribution<int>(kWeights.begin(), kWeights.end())(random));
}

}  // namespace

CrashLoad::CrashLoad(Options options)
    : options_(std::move(options)),
      looker_{std::mt19937_64(options_.seed), {}, nullptr, {}},
      receiver_(TestReceiver::Options{
          .handler = [this](const TestRequest& request) { return receive(request); },
          .record_max = 0}) {}

void CrashLoad::start() {
  stop_ = false;
  for (int i = 0; i < options_.users; ++i) {
    threads_.emplace_back([this, i] {
      const auto number = static_cast<std::uint64_t>(i + 1);
      User user{std::mt19937_64(options_.seed ^ (number << 32)), {}, nullptr, {}};
      work(user);
    });
  }
}

void CrashLoad::stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// Registrations come at the wanted rate, and the other calls between them.
void CrashLoad::work(User& user) {
  const std::chrono::microseconds pace{1'000'000 * options_.users /
                                       static_cast<int>(options_.per_second)};
  auto next = steady_clock::now();
  while (!stop_) {
    const auto before = user.mine.size();
    if (one_in(user.random, 12)) {
      register_batch(user);
    } else {
      register_one(user);
    }
    next += pace * std::max<std::size_t>(1, user.mine.size() - std::min(before, user.mine.size()));
    if (one_in(user.random, 6)) remove_one(user);
    if (one_in(user.random, 8)) suspend_one(user);
    // One that fell behind, since no server was there, does not make up for it in a rush.
    next = std::max(next, steady_clock::now() - 200ms);
    while (!stop_ && steady_clock::now() < next) {
      std::this_thread::sleep_for(
          std::min<steady_clock::duration>(next - steady_clock::now(), 20ms));
    }
  }
}

LoadTask CrashLoad::new_task(User& user, std::size_t number) {
  std::mt19937_64& random = user.random;
  LoadTask task;
  task.number = number;
  task.behavior = draw_behavior(random);
  // Many more than the behavior needs, since a machine that is busy adds failures of its own.
  task.retry_limit = task.behavior == ReceiverBehavior::kBad ? 1 : 10;
  const TimePoint now = std::chrono::floor<milliseconds>(options_.now());
  const auto ahead = [&](int ms) { return now + milliseconds{below(random, ms)}; };
  if (one_in(random, 6)) {
    task.executions = 2 + static_cast<std::int64_t>(below(random, 3));
    task.interval = 1s;
    task.scheduled = ahead(1'500);
  } else if (options_.far_ahead && one_in(random, 3)) {
    task.scheduled = ahead(3'600'000);
  } else if (one_in(random, 2)) {
    task.scheduled = ahead(3'000);
  }
  return task;
}

json::object CrashLoad::json_of(const LoadTask& task) const {
  const std::string path = std::string("/") + kNames[static_cast<std::size_t>(task.behavior)] +
                           "/" + std::to_string(task.number);
  json::object object{{"url", receiver_.url(path)},
                      {"method", "POST"},
                      {"body", {{"n", task.number}}},
                      {"retryLimit", task.retry_limit}};
  if (!task.id.empty()) object["id"] = task.id;
  if (task.scheduled) object["scheduledDate"] = format_time(*task.scheduled);
  if (task.interval.count() > 0) {
    object["repeat"] = {
        {"interval", task.interval / 1s}, {"unit", "seconds"}, {"max", task.executions}};
  }
  return object;
}

std::size_t CrashLoad::add(User& user) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(new_task(user, tasks_.size()));
  return tasks_.back().number;
}

void CrashLoad::acknowledge(User& user, std::size_t number, const json::value& task) {
  std::lock_guard lock(mutex_);
  tasks_[number].acknowledged = true;
  if (task.is_object() && task.get_object().contains("id")) {
    tasks_[number].id = json::value_to<std::string>(task.at("id"));
  }
  user.mine.push_back(number);
}

void CrashLoad::register_one(User& user) {
  const std::size_t number = add(user);
  const bool by_key = one_in(user.random, 2);
  cli::RestCall call{.method = "POST",
                     .path = std::string("/v1/namespaces/") + kNamespace + "/tasks"};
  {
    std::lock_guard lock(mutex_);
    if (!by_key) tasks_[number].id = "task-" + std::to_string(number);
    auto task = json_of(tasks_[number]);
    if (by_key) task["idempotencyKey"] = "key-" + std::to_string(number);
    call.body = json::serialize(task);
  }
  int tries = 0;
  // Some users do not ask again: what came of it is not known, and nothing is promised.
  const bool once = one_in(user.random, 8);
  const auto answer = once ? ask(user, call) : insist(user, call, tries);
  if (!answer) return;
  const bool again = tries > 1;
  if (answer->status == 201 || (again && by_key && answer->status == 200)) {
    acknowledge(user, number, answer->body);
  } else if (again && !by_key && answer->status == 409) {
    acknowledge(user, number, {});
  } else if (answer->status != 503) {
    complain("register", *answer);
  }
  // An early try may still be under way at a server that is paused, and come after a delete.
  if (again && !user.mine.empty() && user.mine.back() == number) user.mine.pop_back();
}

void CrashLoad::register_batch(User& user) {
  std::vector<std::size_t> numbers(2 + below(user.random, 12));
  json::array items;
  for (std::size_t& number : numbers) {
    number = add(user);
    std::lock_guard lock(mutex_);
    tasks_[number].id = "task-" + std::to_string(number);
    items.push_back(json_of(tasks_[number]));
    items.back().as_object()["namespace"] = kNamespace;
  }
  cli::RestCall call{.method = "POST", .path = "/v1/tasks/batch"};
  call.body = json::serialize(json::object{{"items", std::move(items)}});
  // Items succeed or fail one by one: those that are not known to be there are sent again.
  int tries = 0;
  const auto until = steady_clock::now() + kInsistFor;
  std::vector<bool> known(numbers.size());
  while (std::count(known.begin(), known.end(), false) > 0 && steady_clock::now() < until) {
    const auto answer = insist(user, call, tries);
    if (!answer) return;
    if (answer->status / 100 != 2 || !answer->body.is_object()) return complain("batch", *answer);
    const json::array& results = answer->body.at("items").as_array();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto status = results.at(i).at("status").to_number<int>();
      if (known[i] || status == 503) continue;
      known[i] = true;
      if (status == 201 || (tries > 1 && status == 409)) {
        acknowledge(user, numbers[i], {});
        if (tries > 1) user.mine.pop_back();
      } else {
        complain("batch", {status, results.at(i)});
      }
    }
  }
}

void CrashLoad::remove_one(User& user) {
  if (user.mine.empty()) return;
  const std::size_t at = below(user.random, user.mine.size());
  const std::size_t number = user.mine[at];
  user.mine.erase(user.mine.begin() + static_cast<std::ptrdiff_t>(at));
  cli::RestCall call{.method = "DELETE"};
  {
    std::lock_guard lock(mutex_);
    tasks_[number].delete_sent = true;
    call.path = std::string("/v1/namespaces/") + kNamespace + "/tasks/" +
                percent_encoded(tasks_[number].id);
  }
  int tries = 0;
  const auto answer = insist(user, call, tries);
  if (!answer) return;
  const Clock::Micros now = true_time();
  const bool gone_before = tries > 1 && answer->status == 404;
  if (answer->status != 200 && !gone_before) return complain("delete", *answer);
  std::lock_guard lock(mutex_);
  tasks_[number].deleted = now;
  tasks_[number].attempt_at_delete =
      tries > 1 || answer->body.at("status").as_string() == "PROCESSING";
}

void CrashLoad::suspend_one(User& user) {
  if (user.mine.empty()) return;
  const std::size_t at = below(user.random, user.mine.size());
  const std::size_t number = user.mine[at];
  // Once only: what was sent to a server that is paused may come later.
  user.mine.erase(user.mine.begin() + static_cast<std::ptrdiff_t>(at));
  cli::RestCall call{.method = "POST"};
  {
    std::lock_guard lock(mutex_);
    call.path = std::string("/v1/namespaces/") + kNamespace + "/tasks/" +
                percent_encoded(tasks_[number].id) + "/suspend";
  }
  const auto answer = ask(user, call);
  if (answer && answer->status == 200) {
    std::lock_guard lock(mutex_);
    tasks_[number].suspended_since = true_time();
  } else if (answer && answer->status != 409 && answer->status != 503) {
    complain("suspend", *answer);
  }
  // Some go on at once, the others at the end.
  if (one_in(user.random, 2)) unsuspend(user, number);
}

void CrashLoad::unsuspend(User& user, std::size_t number) {
  cli::RestCall call{.method = "POST"};
  {
    std::lock_guard lock(mutex_);
    LoadTask& task = tasks_[number];
    if (task.suspended_since) task.suspended.push_back({*task.suspended_since, true_time()});
    task.suspended_since.reset();
    call.path = std::string("/v1/namespaces/") + kNamespace + "/tasks/" + percent_encoded(task.id) +
                "/unsuspend";
  }
  const auto answer = ask(user, call);
  if (answer && answer->status != 200 && answer->status != 409 && answer->status != 503) {
    complain("unsuspend", *answer);
  }
}

std::optional<CrashLoad::Answer> CrashLoad::ask(User& user, cli::RestCall call) {
  auto servers = options_.servers();
  std::erase(servers, std::string());
  if (servers.empty()) return std::nullopt;
  const std::string& url = servers[below(user.random, servers.size())];
  if (!user.client || user.url != url) {
    user.client = std::make_unique<cli::RestClient>(cli::RestClientOptions{.base = url});
    user.url = url;
  }
  if (call.timeout == 0ms) call.timeout = kCallTimeout;
  const auto answer = user.client->call(call);
  if (!answer) return std::nullopt;
  json::error_code failed;
  json::value body = json::parse(answer->body, failed);
  return Answer{answer->status, failed ? json::value() : std::move(body)};
}

std::optional<CrashLoad::Answer> CrashLoad::insist(User& user, const cli::RestCall& call,
                                                   int& tries) {
  const auto until = steady_clock::now() + kInsistFor;
  while (steady_clock::now() < until) {
    ++tries;
    if (auto answer = ask(user, call); answer && answer->status != 503) return answer;
    std::this_thread::sleep_for(kAskAgainAfter);
  }
  return std::nullopt;
}

void CrashLoad::complain(const std::string& what, const Answer& answer) {
  std::lock_guard lock(mutex_);
  complaints_.push_back(what + ": " + std::to_string(answer.status) + " " +
                        json::serialize(answer.body));
}

TestResponse CrashLoad::receive(const TestRequest& request) {
  const auto slash = request.target.rfind('/');
  const std::string name = request.target.substr(1, slash - 1);
  const auto behavior =
      static_cast<ReceiverBehavior>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
  const std::string webhook_id = request.header("webhook-id");
  std::size_t before = 0;
  {
    std::lock_guard lock(mutex_);
    before = arrived_[webhook_id]++;
    const bool reused = !connections_.insert(request.connection).second;
    Delivery delivery{std::stoul(request.target.substr(slash + 1)), webhook_id, request.arrived_at};
    delivery.crossed = request.crossed_late;
    delivery.late_waited = request.late_waited;
    delivery.may_be_sent_again =
        reused && ((behavior == ReceiverBehavior::kResets && before == 0) || delivery.crossed);
    deliveries_.push_back(std::move(delivery));
  }
  // Drawn by the id, so that it is the same for a seed.
  const std::size_t drawn = std::hash<std::string>{}(webhook_id);
  TestResponse response = TestResponse::with_status(200, "ok");
  switch (behavior) {
    case ReceiverBehavior::kGood:
      break;
    case ReceiverBehavior::kSlow:
      response.delay = milliseconds{50 + drawn % 700};
      break;
    case ReceiverBehavior::kFailsFirst:
      if (before < 1 + drawn % 2) response.status = 500;
      break;
    case ReceiverBehavior::kRetryAfter:
      if (before > 0) break;
      response.status = 503;
      response.headers = {{"Retry-After", std::to_string(kRetryAfter.count())}};
      break;
    case ReceiverBehavior::kResets:
      if (before == 0) response.fault = TestResponse::Fault::kResetBeforeResponse;
      break;
    case ReceiverBehavior::kBreaksOff:
      if (before == 0) response.fault = TestResponse::Fault::kCloseMidBody;
      break;
    case ReceiverBehavior::kHangs:
      if (before == 0) response.delay = 2 * options_.request_timeout;
      break;
    case ReceiverBehavior::kBad:
      response.status = 500;
      break;
    case ReceiverBehavior::kLate:
      be_late(drawn, response);
      break;
  }
  return response;
}

// Whoever closes the connection reads what is on its way before.
void CrashLoad::be_late(std::size_t drawn, TestResponse& response) {
  const LateKind& kind = late_kinds()[drawn % late_kinds().size()];
  response.late = kind.answer.late;
  // What crosses a request must not hold it for an hour.
  if (const auto hour = response.late.find("3600"); hour != response.late.npos) {
    response.late.replace(hour, 4, std::to_string(kRetryAfter.count()));
  }
  response.late_after = milliseconds{drawn / late_kinds().size() % (kLateMax / 1ms)};
  if (kind.answer.after_late != TestResponse::After::kOpen) {
    response.after_late = TestResponse::After::kHalfClosed;
  }
}

std::vector<json::object> CrashLoad::pages(const std::string& path) {
  std::vector<json::object> all;
  std::string start_key;
  do {
    int tries = 0;
    const auto answer =
        insist(looker_,
               {.path = path + (start_key.empty() ? "" : "&startKey=" + percent_encoded(start_key)),
                .timeout = kPatience},
               tries);
    if (!answer || answer->status != 200) {
      throw std::runtime_error("no answer to " + path + ": " +
                               (answer ? json::serialize(answer->body) : ""));
    }
    const json::object& page = answer->body.as_object();
    for (const json::value& item : page.at("items").as_array()) all.push_back(item.as_object());
    const json::value* const next = page.if_contains("lastEvaluatedKey");
    start_key = next && next->is_string() ? json::value_to<std::string>(*next) : "";
  } while (!start_key.empty());
  return all;
}

std::vector<json::object> CrashLoad::stored_tasks(const std::string& query) {
  return pages(std::string("/v1/namespaces/") + kNamespace + "/tasks?limit=500" + query);
}

std::size_t CrashLoad::drain(std::chrono::seconds timeout) {
  const auto until = steady_clock::now() + timeout;
  // Two looks in a row: while a recurring task goes to its next date, an index that follows later
  // can be without it for a moment.
  bool clean_before = false;
  while (true) {
    const auto suspended = stored_tasks("&status=SUSPENDED");
    for (const json::object& task : suspended) {
      const auto number = task.at("request").at("body").at("n").to_number<std::size_t>();
      {
        std::lock_guard lock(mutex_);  // a registration by key whose answer was lost
        tasks_[number].id = json::value_to<std::string>(task.at("id"));
      }
      unsuspend(looker_, number);
    }
    const bool over = steady_clock::now() >= until;
    bool clean = false;
    if (over || (suspended.empty() && stored_tasks("&status=ACTIVE").empty())) {
      const auto all = stored_tasks();
      const auto left = std::count_if(all.begin(), all.end(), [](const json::object& task) {
        const json::string& status = task.at("status").as_string();
        return status != "DONE" && status != "FAILED";
      });
      clean = left == 0;
      if (over || (clean && clean_before)) return static_cast<std::size_t>(left);
    }
    clean_before = clean;
    std::this_thread::sleep_for(200ms);
  }
}

CrashHistory CrashLoad::history() {
  CrashHistory history;
  history.stored_tasks = stored_tasks();
  history.stored_logs = pages(std::string("/v1/namespaces/") + kNamespace + "/logs?limit=500");
  std::lock_guard lock(mutex_);
  history.tasks.assign(tasks_.begin(), tasks_.end());
  history.deliveries = deliveries_;
  history.late = receiver_.late_written();
  history.complaints = complaints_;
  return history;
}

}  // namespace rhooks::testing
