#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "hooks/test_hooks.h"
#include "rest/api.h"
#include "rest/test_client.h"
#include "testing/faulty_store.h"

namespace rhooks::rest::test {

// The API on a real server, with a memory store, a clock by hand and a sender by script.
class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start(std::string api_key = {}, bool key_needed = false) {
    server_.reset();
    ApiOptions options;
    options.api_key = std::move(api_key);
    options.key_needed = key_needed;
    options.ready_for = ready_for_;
    options.on_request = [this](std::string_view route, std::string_view method, int status,
                                std::chrono::microseconds) {
      std::lock_guard lock(mutex_);
      reported_.emplace_back(route, method, status);
    };
    api_ = std::make_unique<Api>(*hooks_, options);
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

  std::chrono::milliseconds ready_for_{0};
  std::mutex mutex_;
  std::vector<Reported> reported_;
  store::MemoryStore memory_{1};
  testing::FaultyStore* store_ = new testing::FaultyStore(memory_);  // test_ owns it
  TestHooks test_{{}, std::unique_ptr<store::Store>(store_)};
  Hooks* hooks_ = test_.hooks.get();  // whose API start() serves
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace rhooks::rest::test
