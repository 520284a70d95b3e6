#include "store/shown_bytes.h"

#include <gtest/gtest.h>

#include "codec/public_json.h"

namespace rhooks::store {
namespace {

// Between what it becomes and a little more.
void expect_about(std::size_t estimate, const std::string& json) {
  EXPECT_GE(estimate + 600, json.size());
  EXPECT_LE(estimate, 3 * json.size() + 600) << json.size();
}

TEST(ShownBytesTest, AreThoseOfTheJson) {
  for (const std::string& text :
       {std::string(), std::string(10'000, 'x'), std::string(10'000, '\x01'),
        std::string(10'000, '"'), std::string(10'000, '\\'), std::string(10'000, '\xff'),
        std::string(10'000, '\n'), std::string(9'999, 'x') + '\xff'}) {
    Task task;
    task.key = {"ns", "id"};
    task.request.url = "http://127.0.0.1:9/";
    task.request.body = Body::text(text);
    task.execution.last_response_body = text;
    expect_about(shown_bytes(task), codec::to_json(task));

    Log log;
    log.task = task.key;
    log.request = task.request;
    log.error = text;
    log.response = Response{.status = 200, .headers = {{"X", "y"}}, .body = text};
    expect_about(shown_bytes(log), codec::to_json(log));
  }
  Task task;
  task.request.body = Body::json("[" + std::string(10'000, ' ') + "\"\\u0001\"]");
  expect_about(shown_bytes(task), codec::to_json(task));
}

}  // namespace
}  // namespace rhooks::store
