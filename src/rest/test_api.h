#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "hooks/test_hooks.h"
#include "rest/api.h"
#include "rest/test_client.h"

namespace rhooks::rest::test {

// A memory store that can be made unusable.
class SickStore final : public store::Store {
 public:
  explicit SickStore(std::shared_ptr<std::atomic<bool>> sick) : sick_(std::move(sick)) {}

  std::vector<Result<store::PutResult>> put(std::span<const model::TaskRecord> records) override {
    if (!*sick_) return store_.put(records);
    return {records.size(), failure()};
  }
  Result<Task> get(const TaskKey& key, TimePoint now) override {
    if (*sick_) return failure();
    return store_.get(key, now);
  }
  Result<store::TaskPage> query_tasks(const store::TaskQuery& query) override {
    return store_.query_tasks(query);
  }
  Result<store::LogPage> query_logs(const store::LogQuery& query) override {
    return store_.query_logs(query);
  }
  std::vector<Result<Task>> change(std::span<const TaskKey> keys, const store::Edit& edit,
                                   TimePoint now) override {
    return store_.change(keys, edit, now);
  }
  std::vector<Result<Task>> remove(std::span<const TaskKey> keys, TimePoint now) override {
    return store_.remove(keys, now);
  }
  Result<std::size_t> clear(const std::string& ns, std::size_t limit) override {
    return store_.clear(ns, limit);
  }
  Result<store::ClaimResult> claim_due(const store::ClaimRequest& request) override {
    return store_.claim_due(request);
  }
  std::vector<Result<store::CommitOutcome>> commit(
      std::span<const store::Commit> commits) override {
    return store_.commit(commits);
  }
  Result<void> release(std::span<const model::Lease> leases) override {
    return store_.release(leases);
  }
  Result<std::optional<TimePoint>> next_due(TimePoint now) override { return store_.next_due(now); }
  Result<store::DuePage> peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                  const std::optional<store::DuePosition>& after) override {
    return store_.peek_due(now, due_by, limit, after);
  }
  Result<void> check() override {
    if (*sick_) return failure();
    return store_.check();
  }

 private:
  static tl::unexpected<Error> failure() {
    return fail(ErrorCode::kUnavailable, "no space is left on the disk");
  }

  std::shared_ptr<std::atomic<bool>> sick_;
  store::MemoryStore store_{1};
};

// The API on a real server, with a memory store, a clock by hand and a sender by script.
class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start(std::string api_key = {}) {
    server_.reset();
    ApiOptions options;
    options.api_key = std::move(api_key);
    options.on_request = [this](std::string_view route, std::string_view method, int status,
                                std::chrono::microseconds) {
      std::lock_guard lock(mutex_);
      reported_.emplace_back(route, method, status);
    };
    api_ = std::make_unique<Api>(*test_.hooks, options);
    HttpServerOptions server_options;
    api_->connect(server_options);
    server_ = std::make_unique<HttpServer>(server_options, api_->handler());
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  Reply send(const Call& c) { return call(server_->port(), c); }
  Reply get(const std::string& target) { return send({"GET", target}); }
  Reply post(const std::string& target, const std::string& body = {}) {
    return send({"POST", target, body});
  }

  // Registers a task with this id in namespace "ns".
  void add(const std::string& id, const std::string& more = {}) {
    const Reply reply = post("/v1/namespaces/ns/tasks",
                             R"({"url":"http://127.0.0.1:9/x","id":")" + id + "\"" + more + "}");
    ASSERT_EQ(reply.status, 201) << reply.body;
  }

  static boost::json::object json_of(const Reply& reply) {
    boost::system::error_code ec;
    const auto value = boost::json::parse(reply.body, ec);
    EXPECT_TRUE(!ec && value.is_object()) << reply.body;
    return !ec && value.is_object() ? value.as_object() : boost::json::object();
  }

  // A problem document of this status that names this field.
  static void expect_problem(const Reply& reply, int status, const std::string& field = {}) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    const auto problem = json_of(reply);
    ASSERT_TRUE(problem.contains("detail")) << reply.body;
    EXPECT_EQ(problem.at("status").as_int64(), status);
    EXPECT_EQ(
        problem.contains("field") ? std::string(problem.at("field").as_string()) : std::string(),
        field)
        << reply.body;
  }

  using Reported = std::tuple<std::string, std::string, int>;
  std::vector<Reported> reported() {
    std::lock_guard lock(mutex_);
    return reported_;
  }

  std::mutex mutex_;
  std::vector<Reported> reported_;
  std::shared_ptr<std::atomic<bool>> sick_ = std::make_shared<std::atomic<bool>>(false);
  TestHooks test_{{}, std::make_unique<SickStore>(sick_)};
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace rhooks::rest::test
