// What claims read from the due index without the tasks. Keys in general: fuzz/rocks_keys.cc.

#include "store/rocks/keys.h"

#include <gtest/gtest.h>

#include "model/flow.h"

namespace rhooks::store::rocks {
namespace {

TEST(KeysTest, TheHashOfANamespaceIsReadFromTheKeysOfItsTasks) {
  for (const std::string& ns :
       {std::string(), std::string("ns"), std::string("a\0b", 3), std::string("\0", 1)}) {
    for (const char* const id : {"", "id"}) {
      EXPECT_EQ(namespace_hash_of(task_key({ns, id})), model::namespace_hash(ns)) << ns;
    }
  }
  (void)namespace_hash_of("no key");
  (void)namespace_hash_of(std::string_view("\0", 1));
}

TEST(KeysTest, ADueValueTellsTheDateAndTheReceiver) {
  Task task;
  task.request.url = "https://Example.com:443/hook";
  task.scheduled_date = from_millis(1'234);
  const auto value = parse_due_value(due_value(task));
  ASSERT_TRUE(value);
  EXPECT_EQ(value->scheduled_date, task.scheduled_date);
  EXPECT_EQ(value->receiver, model::receiver_hash("https://example.com/"));
  EXPECT_EQ(value->endpoint, 0U);
  EXPECT_EQ(due_value(value->scheduled_date, value->receiver), due_value(task));
  EXPECT_EQ(due_value(task).size(), 16U);
  EXPECT_FALSE(parse_due_value(""));
  EXPECT_FALSE(parse_due_value(time_bytes(task.scheduled_date)));
}

TEST(KeysTest, ADueValueTellsTheEndpointWhereThereIsOne) {
  const std::string bytes = due_value(from_millis(1'234), 5, 7);
  EXPECT_EQ(bytes.size(), 24U);
  const auto value = parse_due_value(bytes);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->scheduled_date, from_millis(1'234));
  EXPECT_EQ(value->receiver, 5U);
  EXPECT_EQ(value->endpoint, 7U);
  EXPECT_EQ(parse_due_value(bytes.substr(0, 23))->endpoint, 0U);
  EXPECT_EQ(bytes.substr(0, 16), due_value(from_millis(1'234), 5)) << "as older builds read it";
}

}  // namespace
}  // namespace rhooks::store::rocks
