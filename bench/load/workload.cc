#include "bench/load/workload.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "delivery/curl_sender.h"
#include "delivery/request_builder.h"
#include "model/new_task.h"

namespace rhooks::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kBatch = 1'000;
constexpr int kPage = 1'000;
constexpr std::size_t kNotDue = 10;

std::string size_text(std::size_t bytes) {
  return bytes % 1'000 == 0 ? std::to_string(bytes / 1'000) + " KB" : std::to_string(bytes) + " B";
}

// Those that came: each once. libcurl sends again what it sent on a kept connection that turns out
// to be closed, but the receiver closes none, so that one too many is a doubled one here.
void check_received(Receiver& receiver, const Workload& workload) {
  if (receiver.tally().requests != workload.count) {
    throw std::runtime_error("the receiver got " + std::to_string(receiver.tally().requests) +
                             " webhooks for " + std::to_string(workload.count));
  }
}

}  // namespace

std::string Workload::conditions() const {
  const std::string all =
      "concurrency " + std::to_string(concurrency) + ", body " + size_text(body_bytes) + ", ";
  if (tls) return all + "HTTPS, " + (keeps ? "connections kept" : "each on a new connection");
  return all + std::to_string(hosts) + (hosts == 1 ? " host" : " hosts");
}

ReceiverKind Workload::receivers() const {
  return {.hosts = hosts, .tls = tls, .keeps = keeps};
}

std::vector<Workload> delivery_workloads() {
  constexpr std::size_t kSmall = 100, kLarge = 10'000;
  std::vector<Workload> workloads;
  for (const std::size_t hosts : {1, 1'000}) {
    for (const std::size_t body : {kSmall, kLarge}) {
      for (const std::size_t concurrency : {64, 256}) {  // 256: unless set otherwise
        workloads.push_back({.count = body == kLarge ? 40'000u : 100'000u,
                             .concurrency = concurrency,
                             .body_bytes = body,
                             .hosts = hosts});
      }
    }
  }
  return workloads;
}

std::vector<Workload> https_workloads() {
  // A handshake is most of what a webhook on a new connection costs.
  return {{.count = 50'000, .tls = true}, {.count = 10'000, .tls = true, .keeps = false}};
}

NewTask webhook(const Receiver& receiver, const Workload& workload, std::size_t number) {
  NewTask task;
  task.ns = workload.ns;
  task.request.method = Method::kPost;
  task.request.url = receiver.url(number % workload.hosts) + "/hook";
  std::string body =
      R"({"event":"order.reminder","number":)" + std::to_string(number) + R"(,"text":")";
  if (body.size() + 2 < workload.body_bytes)
    body.append(workload.body_bytes - body.size() - 2, 'x');
  task.request.body = Body::json(body + "\"}");
  if (workload.shape) workload.shape(task, number);
  return task;
}

double raw_rate(Receiver& receiver, const Workload& workload) {
  receiver.reset();
  SystemClock clock;
  delivery::CurlSenderOptions options;
  options.max_in_flight = workload.concurrency;
  options.ca_file = receiver.ca_file();
  auto sender = delivery::CurlSender::create(options, clock);
  if (!sender) throw std::runtime_error(sender.error().message);
  // A request for each host, made before; what is counted is sending it.
  std::vector<delivery::HttpRequest> requests;
  for (std::size_t host = 0; host < workload.hosts; ++host) {
    const auto record = model::make_record(webhook(receiver, workload, host), clock.now(), Uuid{});
    requests.push_back(delivery::build_request(record.task, clock.now()).value());
  }

  const auto begin = Steady::now();
  std::size_t started = 0, ended = 0;
  while (ended < workload.count) {
    while (started < workload.count && (*sender)->in_flight() < workload.concurrency) {
      (*sender)->start(requests[started++ % workload.hosts]);
    }
    for (const auto& result : (*sender)->poll(std::chrono::milliseconds{1'000})) {
      if (!result.outcome.ok())
        throw std::runtime_error("a request failed: " + result.outcome.error);
      ++ended;
    }
  }
  const double seconds = seconds_since(begin);
  check_received(receiver, workload);
  return static_cast<double>(workload.count) / seconds;
}

std::vector<Result<Registration>> register_all(Hooks& hooks, std::vector<NewTask> tasks) {
  const std::size_t count = tasks.size();
  // Not `auto`: revisions that are compared give the vector alone.
  Result<std::vector<Result<Registration>>> results = hooks.register_many(std::move(tasks));
  if (!results) throw std::runtime_error("not registered: " + results.error().message);
  for (const auto& result : *results) {
    if (!result) throw std::runtime_error("not registered: " + result.error().message);
  }
  if (results->size() != count) throw std::runtime_error("not every task has a result");
  return std::move(*results);
}

void fill(Hooks& hooks, const Receiver& receiver, const Workload& workload, std::size_t first,
          TimePoint at) {
  for (std::size_t i = 0; i < workload.count; i += kBatch) {
    std::vector<NewTask> tasks;
    for (std::size_t n = i; n < std::min(i + kBatch, workload.count); ++n) {
      tasks.push_back(webhook(receiver, workload, first + n));
      tasks.back().scheduled_date = at;
    }
    register_all(hooks, std::move(tasks));
  }
}

Delivery::Delivery(Hooks& hooks, Receiver& receiver, const Workload& workload)
    : hooks_(hooks), receiver_(receiver), workload_(workload) {
  receiver.reset();
  fill(hooks, receiver, workload, 0, due_);
  // Not to be delivered: what comes early is one too many.
  fill(hooks, receiver, {.count = kNotDue}, workload.count, due_ + std::chrono::hours{24});
}

double Delivery::run() {
  const auto begin = Steady::now();
  const auto result = hooks_.trigger();
  const double seconds = seconds_since(begin);
  if (!result) throw std::runtime_error(result.error().message);
  if (result->errors != 0 || result->processed != static_cast<std::int64_t>(workload_.count)) {
    throw std::runtime_error(std::to_string(result->processed) + " delivered, " +
                             std::to_string(result->errors) + " errors");
  }
  return static_cast<double>(workload_.count) / seconds;
}

void Delivery::check() {
  const std::size_t done =
      count_tasks(hooks_, {.ns = "bench", .status = Status::kDone, .from = due_, .to = due_});
  FetchLogsQuery query{.ns = "bench", .from = due_, .limit = kPage};
  std::size_t logs = 0;
  do {
    const auto page = hooks_.fetch_logs(query);
    if (!page) throw std::runtime_error(page.error().message);
    for (const Log& log : page->items) {
      if (log.status != LogStatus::kSuccess || log.scheduled_date != due_) {
        throw std::runtime_error("a log of '" + log.task.id + "' that should not be there");
      }
    }
    logs += page->items.size();
    query.start_key = page->last_evaluated_key;
  } while (!query.start_key.empty());
  if (done != workload_.count || logs != workload_.count) {
    throw std::runtime_error("of " + std::to_string(workload_.count) + " tasks " +
                             std::to_string(done) + " are stored as DONE, with " +
                             std::to_string(logs) + " logs");
  }
  check_received(receiver_, workload_);
}

double delivery_rate(Hooks& hooks, Receiver& receiver, const Workload& workload) {
  Delivery delivery(hooks, receiver, workload);
  const double rate = delivery.run();
  delivery.check();
  return rate;
}

Options bench_options(const std::string& store, std::size_t concurrency) {
  Options options;
  options.store = store;
  options.concurrency = static_cast<int>(concurrency);
  options.logs_ttl = std::chrono::hours{24};
  return options;
}

TimePoint now_ms() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::size_t count_tasks(Hooks& hooks, const TaskFilter& filter) {
  FetchQuery query{.filter = filter, .limit = kPage};
  std::size_t count = 0;
  do {
    const auto page = hooks.fetch(query);
    if (!page) throw std::runtime_error(page.error().message);
    count += page->items.size();
    query.start_key = page->last_evaluated_key;
  } while (!query.start_key.empty());
  return count;
}

double run_callers(std::size_t callers, const std::function<void(std::size_t)>& call) {
  std::vector<std::optional<std::string>> errors(callers);
  std::vector<std::thread> threads;
  const auto begin = Steady::now();
  for (std::size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      try {
        call(caller);
      } catch (const std::exception& error) {
        errors[caller] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = seconds_since(begin);
  for (const auto& error : errors) {
    if (error) throw std::runtime_error(*error);
  }
  return seconds;
}

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

}  // namespace rhooks::bench
