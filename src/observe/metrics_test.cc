#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace rhooks {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The samples of an exposition: series, labels and all, to value.
std::map<std::string, double> samples_of(const Metrics& metrics) {
  std::map<std::string, double> samples;
  std::istringstream text(metrics.expose());
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t space = line.rfind(' ');
    EXPECT_NE(space, std::string::npos) << line;
    samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

// Metric names with their kinds, from the TYPE lines.
std::map<std::string, std::string> kinds_of(const Metrics& metrics) {
  std::map<std::string, std::string> kinds;
  std::istringstream text(metrics.expose());
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, type, name, kind;
    if (words >> hash >> type >> name >> kind && hash == "#" && type == "TYPE") kinds[name] = kind;
  }
  return kinds;
}

TEST(MetricsTest, StartAtZeroWithEverySeriesThere) {
  const Metrics metrics;
  const auto samples = samples_of(metrics);
  for (const char* series : {"rhooks_attempts_total{result=\"success\"}",
                             "rhooks_attempts_total{result=\"http_status\"}",
                             "rhooks_attempts_total{result=\"no_response\"}",
                             "rhooks_attempts_total{result=\"cancelled\"}",
                             "rhooks_attempt_duration_seconds_count",
                             "rhooks_lateness_seconds_count",
                             "rhooks_registered_total",
                             "rhooks_redriven_total",
                             "rhooks_lease_lost_total",
                             "rhooks_set_aside_total",
                             "rhooks_skipped_occurrences_total",
                             "rhooks_callbacks_total",
                             "rhooks_events_lost_total",
                             "rhooks_tls_handshakes_failed_total",
                             "rhooks_tls_reload_total{result=\"ok\"}",
                             "rhooks_tls_reload_total{result=\"failed\"}",
                             "rhooks_due_lag_seconds",
                             "rhooks_failed_total{reason=\"exhausted\"}",
                             "rhooks_held_total{by=\"paused\"}",
                             "rhooks_held_total{by=\"secret\"}",
                             "rhooks_held_total{by=\"retry-after\"}",
                             "rhooks_held_total{by=\"breaker\"}",
                             "rhooks_held_total{by=\"order\"}",
                             "rhooks_held_total{by=\"concurrency\"}",
                             "rhooks_held_total{by=\"retry\"}",
                             "rhooks_held_total{by=\"rate\"}",
                             "rhooks_endpoints_asking_to_wait",
                             "rhooks_breakers_open",
                             "rhooks_breaker_transitions_total{to=\"open\"}",
                             "rhooks_breaker_transitions_total{to=\"closed\"}",
                             "rhooks_endpoints_age_seconds",
                             "rhooks_queue_depth{queue=\"to_send\"}",
                             "rhooks_queue_depth{queue=\"in_flight\"}",
                             "rhooks_queue_depth{queue=\"to_commit\"}",
                             "rhooks_store_call_duration_seconds_count{method=\"claim_due\"}",
                             "rhooks_store_errors_total{method=\"commit\"}"}) {
    const auto found = samples.find(series);
    ASSERT_NE(found, samples.end()) << series;
    EXPECT_EQ(found->second, 0) << series;
  }
}

TEST(MetricsTest, CountAttemptsByResult) {
  Metrics metrics;
  metrics.attempt(Metrics::Attempt::kSuccess, milliseconds{2}, milliseconds{30});
  metrics.attempt(Metrics::Attempt::kSuccess, milliseconds{3}, milliseconds{30});
  metrics.attempt(Metrics::Attempt::kHttpStatus, milliseconds{700}, milliseconds{40});
  metrics.attempt(Metrics::Attempt::kNoResponse, seconds{90}, seconds{10});
  metrics.attempt(Metrics::Attempt::kCancelled, microseconds{100}, seconds{20});
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_attempts_total{result=\"success\"}"], 2);
  EXPECT_EQ(samples["rhooks_attempts_total{result=\"http_status\"}"], 1);
  EXPECT_EQ(samples["rhooks_attempts_total{result=\"no_response\"}"], 1);
  EXPECT_EQ(samples["rhooks_attempts_total{result=\"cancelled\"}"], 1);

  EXPECT_EQ(samples["rhooks_lateness_seconds_count"], 5);
  EXPECT_NEAR(samples["rhooks_lateness_seconds_sum"], 90.7051, 1e-9);
  EXPECT_EQ(samples["rhooks_lateness_seconds_bucket{le=\"0.0005\"}"], 1);
  EXPECT_EQ(samples["rhooks_lateness_seconds_bucket{le=\"0.005\"}"], 3);
  EXPECT_EQ(samples["rhooks_lateness_seconds_bucket{le=\"60\"}"], 4);
  EXPECT_EQ(samples["rhooks_lateness_seconds_bucket{le=\"+Inf\"}"], 5);

  // Cut off, it says nothing about the receiver.
  EXPECT_EQ(samples["rhooks_attempt_duration_seconds_count"], 4);
  EXPECT_NEAR(samples["rhooks_attempt_duration_seconds_sum"], 10.1, 1e-9);
}

TEST(MetricsTest, TellWhenACertificateEndsOnlyWhereThereIsOne) {
  Metrics metrics;
  EXPECT_EQ(samples_of(metrics).count("rhooks_tls_certificate_not_after_seconds"), 0u);
  metrics.tls_certificate(std::chrono::sys_seconds{seconds{1'900'000'000}});
  metrics.tls_certificate(std::chrono::sys_seconds{seconds{2'000'000'000}});
  metrics.tls_reloaded(true);
  metrics.tls_reloaded(false);
  metrics.tls_reloaded(false);
  metrics.tls_handshake_failed();
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_tls_certificate_not_after_seconds"], 2'000'000'000);
  EXPECT_EQ(samples["rhooks_tls_reload_total{result=\"ok\"}"], 1);
  EXPECT_EQ(samples["rhooks_tls_reload_total{result=\"failed\"}"], 2);
  EXPECT_EQ(samples["rhooks_tls_handshakes_failed_total"], 1);
}

TEST(MetricsTest, NeverCountTimeBelowZero) {
  Metrics metrics;
  metrics.attempt(Metrics::Attempt::kSuccess, milliseconds{-5}, milliseconds{-5});
  metrics.due_lag(seconds{-1});
  metrics.endpoints_age(seconds{-1});
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_lateness_seconds_sum"], 0);
  EXPECT_EQ(samples["rhooks_lateness_seconds_count"], 1);
  EXPECT_EQ(samples["rhooks_due_lag_seconds"], 0);
  EXPECT_EQ(samples["rhooks_endpoints_age_seconds"], 0);
}

TEST(MetricsTest, CountWhatHappensToTasks) {
  Metrics metrics;
  metrics.registered(1);
  metrics.registered(999);
  metrics.lease_lost();
  metrics.set_aside();
  metrics.set_aside();
  metrics.skipped(12);
  metrics.skipped(0);
  metrics.failed("gone");
  metrics.failed("gone");
  metrics.failed("unbuildable");
  metrics.failed("of a newer version");
  metrics.held("concurrency", 3);
  metrics.held("rate", 1);
  metrics.held("rate", 0);
  metrics.callbacks(2);
  metrics.event_lost();
  metrics.held("breaker", 2);
  metrics.held("retry-after", 4);
  metrics.asking_to_wait(5);
  metrics.asking_to_wait(2);
  metrics.open_breakers(3);
  metrics.open_breakers(1);
  metrics.breakers_turned(Metrics::Breaker::kOpen, 3);
  metrics.breakers_turned(Metrics::Breaker::kClosed, 2);
  metrics.breakers_turned(Metrics::Breaker::kClosed, 0);
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_registered_total"], 1'000);
  EXPECT_EQ(samples["rhooks_lease_lost_total"], 1);
  EXPECT_EQ(samples["rhooks_set_aside_total"], 2);
  EXPECT_EQ(samples["rhooks_skipped_occurrences_total"], 12);
  EXPECT_EQ(samples["rhooks_failed_total{reason=\"gone\"}"], 2);
  EXPECT_EQ(samples["rhooks_failed_total{reason=\"unbuildable\"}"], 1);
  EXPECT_EQ(samples["rhooks_failed_total{reason=\"other\"}"], 1);
  EXPECT_EQ(samples["rhooks_held_total{by=\"paused\"}"], 0);
  EXPECT_EQ(samples["rhooks_held_total{by=\"breaker\"}"], 2);
  EXPECT_EQ(samples["rhooks_held_total{by=\"concurrency\"}"], 3);
  EXPECT_EQ(samples["rhooks_held_total{by=\"retry-after\"}"], 4);
  EXPECT_EQ(samples["rhooks_held_total{by=\"retry\"}"], 0);
  EXPECT_EQ(samples["rhooks_endpoints_asking_to_wait"], 2);
  EXPECT_EQ(samples["rhooks_breakers_open"], 1);
  EXPECT_EQ(samples["rhooks_breaker_transitions_total{to=\"open\"}"], 3);
  EXPECT_EQ(samples["rhooks_breaker_transitions_total{to=\"closed\"}"], 2);
  EXPECT_EQ(samples["rhooks_held_total{by=\"rate\"}"], 1);
  EXPECT_EQ(samples["rhooks_callbacks_total"], 2);
  EXPECT_EQ(samples["rhooks_events_lost_total"], 1);
}

TEST(MetricsTest, ShowTheLatestOfLagAgeAndDepths) {
  Metrics metrics;
  metrics.endpoints_age(seconds{30});
  metrics.endpoints_age(milliseconds{2'500});
  metrics.due_lag(seconds{7});
  metrics.due_lag(milliseconds{1'500});
  metrics.queue_depth(Metrics::Queue::kToSend, 3);
  metrics.queue_depth(Metrics::Queue::kInFlight, 25);
  metrics.queue_depth(Metrics::Queue::kToCommit, 8);
  metrics.queue_depth(Metrics::Queue::kToCommit, 0);
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_due_lag_seconds"], 1.5);
  EXPECT_EQ(samples["rhooks_endpoints_age_seconds"], 2.5);
  EXPECT_EQ(samples["rhooks_queue_depth{queue=\"to_send\"}"], 3);
  EXPECT_EQ(samples["rhooks_queue_depth{queue=\"in_flight\"}"], 25);
  EXPECT_EQ(samples["rhooks_queue_depth{queue=\"to_commit\"}"], 0);
}

TEST(MetricsTest, MeasureEveryStoreMethod) {
  const char* methods[] = {
      "put",      "get",          "query_tasks",  "query_logs",      "namespaces",     "change",
      "remove",   "clear",        "claim_due",    "commit",          "release",        "next_due",
      "peek_due", "put_document", "get_document", "remove_document", "list_documents", "check"};
  Metrics metrics;
  for (const char* method : methods) {
    metrics.store_call(method, true, microseconds{100});
    metrics.store_call(method, false, microseconds{300});
  }
  auto samples = samples_of(metrics);
  for (const char* method : methods) {
    const std::string label = std::string("{method=\"") + method + "\"}";
    EXPECT_EQ(samples["rhooks_store_call_duration_seconds_count" + label], 2) << method;
    EXPECT_NEAR(samples["rhooks_store_call_duration_seconds_sum" + label], 0.0004, 1e-12);
    EXPECT_EQ(samples["rhooks_store_errors_total" + label], 1) << method;
  }
  EXPECT_EQ(samples["rhooks_store_errors_total{method=\"other\"}"], 0);
}

TEST(MetricsTest, CountAnUnknownStoreMethodAsOther) {
  Metrics metrics;
  metrics.store_call("vacuum", false, microseconds{1});
  metrics.store_call("", true, microseconds{1});
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_store_call_duration_seconds_count{method=\"other\"}"], 2);
  EXPECT_EQ(samples["rhooks_store_errors_total{method=\"other\"}"], 1);
}

TEST(MetricsTest, MeasureRequestsByRouteMethodAndStatus) {
  Metrics metrics;
  metrics.http_call("/v1/namespaces/{ns}/tasks", "POST", 201, milliseconds{2});
  metrics.http_call("/v1/namespaces/{ns}/tasks", "POST", 201, milliseconds{4});
  metrics.http_call("/v1/namespaces/{ns}/tasks", "POST", 400, milliseconds{1});
  metrics.http_call("/v1/namespaces/{ns}/tasks", "BREW", 405, milliseconds{1});
  metrics.http_call("/healthz", "GET", 0, milliseconds{1});
  auto samples = samples_of(metrics);
  const auto count = [&](const std::string& route, const std::string& method,
                         const std::string& status) {
    double total = 0;
    for (const auto& [series, value] : samples) {
      if (series.starts_with("rhooks_http_request_duration_seconds_count{") &&
          series.find("route=\"" + route + "\"") != std::string::npos &&
          series.find("method=\"" + method + "\"") != std::string::npos &&
          series.find("status=\"" + status + "\"") != std::string::npos) {
        total += value;
      }
    }
    return total;
  };
  EXPECT_EQ(count("/v1/namespaces/{ns}/tasks", "POST", "201"), 2);
  EXPECT_EQ(count("/v1/namespaces/{ns}/tasks", "POST", "400"), 1);
  EXPECT_EQ(count("/v1/namespaces/{ns}/tasks", "other", "405"), 1);
  EXPECT_EQ(count("/healthz", "GET", "other"), 1);
}

TEST(MetricsTest, BoundTheNumberOfSeries) {
  Metrics metrics;
  for (int i = 0; i < 3'000; ++i) {
    metrics.http_call("/path/" + std::to_string(i), "GET", 200, milliseconds{1});
  }
  const auto samples = samples_of(metrics);
  std::size_t series = 0;
  double counted = 0;
  for (const auto& [name, value] : samples) {
    if (!name.starts_with("rhooks_http_request_duration_seconds_count{")) continue;
    ++series;
    counted += value;
  }
  EXPECT_EQ(series, 1'001u);
  EXPECT_EQ(counted, 3'000);
}

TEST(MetricsTest, HaveNoSeriesOfDynamoDbWithoutIt) {
  EXPECT_EQ(Metrics().expose().find("dynamodb"), std::string::npos);
}

TEST(MetricsTest, MeasureRequestsToDynamoDb) {
  Metrics metrics;
  metrics.dynamodb_request("PutItem", Metrics::DynamoDb::kThrottled, milliseconds{2});
  metrics.dynamodb_request("PutItem", Metrics::DynamoDb::kOk, milliseconds{4});
  metrics.dynamodb_request("PutItem", Metrics::DynamoDb::kOk, milliseconds{4});
  metrics.dynamodb_retry(Metrics::DynamoDbRetry::kThrottled);
  metrics.dynamodb_retry_quota(495);
  metrics.dynamodb_capacity("PutItem", "tasks", true, 3);
  metrics.dynamodb_capacity("PutItem", "tasks", true, 1.5);
  metrics.dynamodb_capacity("Query", "tasks", false, 0.5);
  auto samples = samples_of(metrics);
  const std::string requests = "rhooks_dynamodb_requests_total{operation=\"PutItem\",result=";
  EXPECT_EQ(samples[requests + "\"ok\"}"], 2);
  EXPECT_EQ(samples[requests + "\"throttled\"}"], 1);
  EXPECT_EQ(samples[requests + "\"no_answer\"}"], 0);
  EXPECT_EQ(samples["rhooks_dynamodb_request_duration_seconds_count{operation=\"PutItem\"}"], 3);
  EXPECT_EQ(samples["rhooks_dynamodb_retries_total{reason=\"throttled\"}"], 1);
  EXPECT_EQ(samples["rhooks_dynamodb_retry_quota"], 495);
  double write = 0;
  double read = 0;
  for (const auto& [name, value] : samples) {
    if (!name.starts_with("rhooks_dynamodb_capacity_units_total{")) continue;
    EXPECT_NE(name.find("table=\"tasks\""), std::string::npos) << name;
    (name.find("kind=\"write\"") != std::string::npos ? write : read) += value;
  }
  EXPECT_EQ(write, 4.5);
  EXPECT_EQ(read, 0.5);
}

TEST(MetricsTest, BoundTheSeriesOfDynamoDb) {
  Metrics metrics;
  for (int i = 0; i < 1'000; ++i) {
    metrics.dynamodb_capacity("GetItem", "table" + std::to_string(i), false, 1);
    metrics.dynamodb_request("Operation" + std::to_string(i), Metrics::DynamoDb::kOk,
                             milliseconds{1});
  }
  metrics.dynamodb_capacity("GetItem", "table0", false, 1);
  std::size_t series = 0;
  double counted = 0;
  double requests = 0;
  for (const auto& [name, value] : samples_of(metrics)) {
    if (name.starts_with("rhooks_dynamodb_requests_total{")) requests += value;
    if (!name.starts_with("rhooks_dynamodb_capacity_units_total{")) continue;
    ++series;
    counted += value;
    if (name.find("\"table0\"") != std::string::npos) {
      EXPECT_EQ(value, 2);
    }
  }
  EXPECT_EQ(series, 201u);
  EXPECT_EQ(counted, 1'001);
  EXPECT_EQ(requests, 1'000);
}

TEST(MetricsTest, LoseNothingBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < kEach; ++i) {
        metrics.attempt(Metrics::Attempt::kSuccess, milliseconds{1}, milliseconds{1});
        metrics.registered(2);
        metrics.store_call("commit", i % 2 == 0, microseconds{10});
        metrics.http_call("/r" + std::to_string(i % 7), "GET", 200 + t, microseconds{10});
        if (i % 1'000 == 0) {
          EXPECT_FALSE(metrics.expose().empty());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  auto samples = samples_of(metrics);
  EXPECT_EQ(samples["rhooks_attempts_total{result=\"success\"}"], kThreads * kEach);
  EXPECT_EQ(samples["rhooks_lateness_seconds_count"], kThreads * kEach);
  EXPECT_EQ(samples["rhooks_registered_total"], 2 * kThreads * kEach);
  EXPECT_EQ(samples["rhooks_store_errors_total{method=\"commit\"}"], kThreads * kEach / 2);
  double http = 0;
  for (const auto& [name, value] : samples) {
    if (name.starts_with("rhooks_http_request_duration_seconds_count{")) http += value;
  }
  EXPECT_EQ(http, kThreads * kEach);
}

TEST(MetricsTest, SchedulersOfOneProcessDoNotShareThem) {
  Metrics one;
  Metrics other;
  one.registered(5);
  EXPECT_EQ(samples_of(one)["rhooks_registered_total"], 5);
  EXPECT_EQ(samples_of(other)["rhooks_registered_total"], 0);
}

class MetricsPageTest : public ::testing::Test {
 protected:
  MetricsPageTest() {
    std::ifstream file(RHOOKS_METRICS_PAGE);
    std::ostringstream text;
    text << file.rdbuf();
    page_ = text.str();
    // A certificate has one only where the server speaks TLS.
    metrics_.tls_certificate(std::chrono::sys_seconds{seconds{2'000'000'000}});
    // A series of the REST API appears with its first request.
    metrics_.http_call("/healthz", "GET", 200, milliseconds{1});
    // As do those of DynamoDB.
    metrics_.dynamodb_request("GetItem", Metrics::DynamoDb::kOk, milliseconds{1});
    metrics_.dynamodb_capacity("GetItem", "tasks", false, 0.5);
  }

  std::string page_;
  Metrics metrics_;
};

TEST_F(MetricsPageTest, HasARowForEveryMetricWithItsKind) {
  ASSERT_FALSE(page_.empty()) << RHOOKS_METRICS_PAGE;
  const auto kinds = kinds_of(metrics_);
  EXPECT_GE(kinds.size(), 12u);
  for (const auto& [name, kind] : kinds) {
    const std::regex row("\n\\| `" + name + "(\\{[a-z,]+\\})?` \\| " + kind + " \\| [^\n]+\\|\n");
    EXPECT_TRUE(std::regex_search(page_, row))
        << "docs/metrics.md has no row for the " << kind << " " << name;
  }
}

TEST_F(MetricsPageTest, NamesNoMetricThatIsNotThere) {
  const auto kinds = kinds_of(metrics_);
  const std::regex name("rhooks_[a-z_]+");
  int names = 0;
  for (std::sregex_iterator it(page_.begin(), page_.end(), name), end; it != end; ++it, ++names) {
    std::string found = it->str();
    if (!kinds.contains(found)) {
      found = std::regex_replace(found, std::regex("_(bucket|count|sum)$"), "");
    }
    EXPECT_TRUE(kinds.contains(found)) << it->str();
  }
  EXPECT_GT(names, 12);
}

TEST_F(MetricsPageTest, NamesEveryLabelValueThatIsFixed) {
  const std::regex label("(result|queue|method)=\"([a-z_]+)\"");
  const std::string text = metrics_.expose();
  std::set<std::string> values;
  for (std::sregex_iterator it(text.begin(), text.end(), label), end; it != end; ++it) {
    values.insert((*it)[2].str());
  }
  EXPECT_GE(values.size(), 20u);
  for (const std::string& value : values) {
    EXPECT_NE(page_.find("`" + value + "`"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace rhooks
