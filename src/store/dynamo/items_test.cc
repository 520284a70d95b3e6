#include "store/dynamo/items.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "codec/stored.h"
#include "testing/store_contract.h"

namespace rhooks::store::dynamo {
namespace {

using testing::kT0;
using testing::make_log;
using testing::make_record;

constexpr Uuid kRev{1, 2, 3};

std::string text_of_size(std::size_t bytes) {
  return std::string(bytes, 'x');
}

TEST(ItemsTest, TaskComesBackAsItWasStored) {
  auto record = make_record("ns", std::string("a\0b\xc3\xa9", 5), kT0);
  record.task.repeat = Repeat{.interval = 5, .max = 3, .unit = RepeatUnit::kMinutes};
  record.task.schedule.emplace().cron = {"0 9 * * *"};
  record.task.next_attempt_date = kT0 + std::chrono::seconds{7};
  record.last_token = {9, 9};
  const Item item = task_item(record, kRev, 16);
  EXPECT_EQ(number_of(item, "due"), to_millis(*record.task.next_attempt_date));
  EXPECT_EQ(number_of(item, "sh"), shard_of(record.task.key, {}, 16));
  const auto stored = read_task(item, nullptr);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->record, record);
  EXPECT_EQ(stored->rev, kRev);
  EXPECT_FALSE(stored->lease_until || stored->lease_life);
  EXPECT_FALSE(stored->payload);
}

TEST(ItemsTest, ATaskTellsItsFlow) {
  auto record = make_record("ns", "a", kT0);
  record.task.request.url = "https://example.com/hook";
  Item item = task_item(record, kRev, 16);
  record.task.request.url = "https://EXAMPLE.com:443/other";
  EXPECT_EQ(flow_of(item), model::flow_of(record.task));
  record.task.request.url = "https://example.org/hook";
  EXPECT_NE(flow_of(item), model::flow_of(record.task));
  EXPECT_EQ(bytes_of(item, "rc")->size(), 8u) << "a row of the index stays small";
  EXPECT_EQ(flow_of(item).endpoint, 0u);
  item["rc"] = receiver_value({.receiver = 0x0102030405060708, .endpoint = 9});
  EXPECT_EQ(bytes_of(item, "rc"), std::string("\1\2\3\4\5\6\7\x8\0\0\0\0\0\0\0\x9", 16));
  EXPECT_EQ(flow_of(item), (model::Flow{model::namespace_hash("ns"), 0x0102030405060708}));
  EXPECT_EQ(flow_of(item).endpoint, 9u);
  for (const auto& broken : {bytes_value("short"), bytes_value(std::string(8, '\0')),
                             text_value("12345678"), number_value(5)}) {
    item["rc"] = broken;
    EXPECT_EQ(flow_of(item), (model::Flow{model::namespace_hash("ns"), 1}));
  }
  item.erase("rc");
  EXPECT_EQ(flow_of(item), (model::Flow{model::namespace_hash("ns"), 1}));
}

TEST(ItemsTest, ALeaseIsOfALifeOrOfNone) {
  Item item = task_item(make_record("ns", "a", kT0), kRev, 16);
  item["lu"] = number_value(to_millis(kT0));
  EXPECT_EQ(read_task(item, nullptr)->lease_until, kT0);
  EXPECT_FALSE(read_task(item, nullptr)->lease_life);
  item["wl"] = uuid_value(kRev);
  EXPECT_EQ(read_task(item, nullptr)->lease_life, kRev);
}

TEST(ItemsTest, TasksThatAreNotActiveAreNotDue) {
  for (const Status status : {Status::kDone, Status::kFailed, Status::kSuspended}) {
    auto record = make_record("ns", "a", kT0);
    record.task.status = status;
    EXPECT_FALSE(task_item(record, kRev, 16).contains("due")) << to_string(status);
  }
}

TEST(ItemsTest, SpecMovesOutWhereAClaimOfTheWholeWouldCostTwoUnits) {
  auto record = make_record("ns", "a", kT0);
  bool moved = false;
  for (std::size_t body = 0; body <= 1'024; ++body) {
    record.task.request.body = Body::text(text_of_size(body));
    Item item = task_item(record, kRev, 16);
    const bool wants = wants_payload(item);
    item["lu"] = number_value(to_millis(kT0));
    item["wl"] = uuid_value(kRev);
    EXPECT_EQ(wants, item_bytes(item) > kUnitBytes) << item_bytes(item);
    moved = moved || wants;
  }
  EXPECT_TRUE(moved);
}

TEST(ItemsTest, SmallSpecStaysWhateverTheStateTakes) {
  auto record = make_record("ns", "a", kT0);
  record.task.execution.last_response_body = text_of_size(5'000);
  EXPECT_FALSE(wants_payload(task_item(record, kRev, 16)));
}

TEST(ItemsTest, TaskWithAPayloadIsReadOfBothItems) {
  auto record = make_record("ns", "a", kT0);
  record.task.request.body = Body::text(text_of_size(5'000));
  Item item = task_item(record, kRev, 16);
  item.erase("sp");
  item["pl"] = text_value("p1");
  const Item payload = payload_item(record.task.key, "p1", codec::encode_spec(record));
  EXPECT_EQ(key_of(payload), payload_key(record.task.key, "p1"));
  const auto stored = read_task(item, &payload);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->record, record);
  EXPECT_EQ(stored->payload, "p1");
  EXPECT_EQ(read_task(item, nullptr).error().code, ErrorCode::kCorrupt);
}

TEST(ItemsTest, CorruptTasksAreErrorsThatNameThem) {
  const Item whole = task_item(make_record("space", "one", kT0), kRev, 16);
  const auto broken = [&](const char* name, std::optional<Item> value) {
    Item item = whole;
    if (value) {
      item[name] = *value;
    } else {
      item.erase(name);
    }
    const auto read = read_task(item, nullptr);
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << name;
    EXPECT_NE(read.error().message.find("one"), std::string::npos) << read.error().message;
  };
  for (const char* name : {"rev", "sv", "sp"}) {
    broken(name, std::nullopt);
    broken(name, text_value("text"));
    broken(name, bytes_value("\x01short"));
    broken(name, Item{{"B", "no base64!"}});
  }
}

TEST(ItemsTest, DatedIdsSortByTimeAndThenById) {
  const std::vector<std::string> sorted = {before_date(kTimeMin),
                                           dated_id(kTimeMin, ""),
                                           dated_id(kTimeMin, std::string(1, '\0')),
                                           dated_id(kTimeMin, "a"),
                                           after_date(kTimeMin),
                                           before_date(kT0),
                                           dated_id(kT0, "\xf4\x8f\xbf\xbf"),
                                           after_date(kT0),
                                           dated_id(kTimeMax, "z"),
                                           after_date(kTimeMax)};
  for (std::size_t i = 1; i < sorted.size(); ++i) EXPECT_LE(sorted[i - 1], sorted[i]) << i;
  const auto parsed = parse_dated_id(dated_id(kT0, "a#b$c"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at, kT0);
  EXPECT_EQ(parsed->id, "a#b$c");
  for (const std::string text : {"", "2030-01-01T00:00:00.000Z", "2030-13-01T00:00:00.000Z#a",
                                 "2030-01-01T00:00:00.000Z$a"}) {
    EXPECT_FALSE(parse_dated_id(text)) << text;
  }
  EXPECT_EQ(before_date(TimePoint::min()), before_date(kTimeMin));
  EXPECT_EQ(after_date(TimePoint::max()), after_date(kTimeMax));
}

TEST(ItemsTest, ShardsAreAllUsedAndNeverChange) {
  std::set<int> used;
  for (int i = 0; i < 1'000; ++i) used.insert(shard_of({"ns", std::to_string(i)}, {}, 16));
  EXPECT_EQ(used.size(), 16u);
  // Stored with every task: another hash would make them all unclaimable.
  EXPECT_EQ(shard_of({"ns", "task"}, {}, 16), shard_of({"ns", "task"}, {7, 8}, 16));
  EXPECT_EQ(*used.begin(), 0);
  EXPECT_EQ(*used.rbegin(), 15);
}

// So that one worker has them.
TEST(ItemsTest, AFlowOfAnEndpointIsInOneShard) {
  std::set<int> of_flow, of_keys;
  for (int i = 0; i < 1'000; ++i) {
    auto record = make_record("ns", std::to_string(i), kT0);
    record.task.endpoint = "acme";
    of_flow.insert(static_cast<int>(number_of(task_item(record, kRev, 16), "sh").value()));
    record.task.flow_key = std::to_string(i);
    of_keys.insert(static_cast<int>(number_of(task_item(record, kRev, 16), "sh").value()));
  }
  EXPECT_EQ(of_flow.size(), 1u);
  EXPECT_EQ(of_keys.size(), 16u);
  const model::Flow flow{model::namespace_hash("ns"), model::flow_hash("acme", ""),
                         model::endpoint_hash("acme")};
  EXPECT_EQ(*of_flow.begin(), shard_of({"ns", "any"}, flow, 16));
  EXPECT_EQ(flow_of(task_item(make_record("ns", "a", kT0), kRev, 16)).endpoint, 0u);
}

TEST(ItemsTest, LogComesBackAsItWasStored) {
  for (const LogStatus status : {LogStatus::kSuccess, LogStatus::kFail}) {
    Log log = make_log({"ns", "task"}, kT0, "l1", status);
    const Item item = log_item(log);
    EXPECT_EQ(item.contains("fl"), status == LogStatus::kFail);
    EXPECT_FALSE(item.contains("ttl"));
    const auto read = read_log(item);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, log);
  }
}

TEST(ItemsTest, TimeToLiveNeverEndsBeforeTheLogDoes) {
  Log log = make_log({"ns", "task"}, kT0, "l1");
  log.expires_at = kT0 + std::chrono::milliseconds{1};
  EXPECT_EQ(number_of(log_item(log), "ttl"), to_millis(kT0) / 1'000 + 1);
  log.expires_at = kT0;
  EXPECT_EQ(number_of(log_item(log), "ttl"), to_millis(kT0) / 1'000);
}

// A log that did not fit would never be stored, and its task be attempted again for ever.
TEST(ItemsTest, EveryLogFits) {
  struct Sizes {
    std::size_t request_body, url, response_body, response_headers;
  };
  for (const Sizes& sizes :
       {Sizes{256 << 10, 8 << 10, 64 << 10, 64 << 10}, Sizes{kItemBytesMax, 10, 100, 10},
        Sizes{768 << 10, 10, 64 << 10, 64 << 10}, Sizes{0, 800 << 10, 64 << 10, 64 << 10},
        Sizes{0, 10, 500 << 10, 0}, Sizes{0, 10, 0, 500 << 10}}) {
    for (const bool answered : {true, false}) {
      Log log = make_log({"ns", "task"}, kT0, "l1");
      log.request.url = "http://h/" + text_of_size(sizes.url);
      log.request.body = Body::json("\"" + text_of_size(sizes.request_body) + "\xc3\xa9\"");
      log.response->body = text_of_size(sizes.response_body);
      log.response->headers = {{"x", text_of_size(sizes.response_headers)}};
      if (!answered) log.response.reset();
      const Item item = log_item(log);
      EXPECT_LE(item_bytes(item), kItemBytesMax);
      const auto read = read_log(item);
      ASSERT_TRUE(read) << read.error().message;
      if (*read == log || read->request.headers.empty()) continue;
      EXPECT_GT(item_bytes(item), kItemBytesMax * 9 / 10) << "no more was cut than needed";
      if (read->request.body.data() != log.request.body.data()) {
        EXPECT_EQ(read->request.body.kind(), Body::Kind::kText) << "half a document is not JSON";
      }
      if (read->response && read->response->body != log.response->body) {
        EXPECT_TRUE(read->response->body_truncated);
      }
    }
  }
}

TEST(ItemsTest, LogsAreCutBetweenCharacters) {
  for (std::size_t more = 0; more < 6; ++more) {
    Log log = make_log({"ns", "task"}, kT0, "l1");
    log.response->body = text_of_size(more);
    while (log.response->body.size() < kItemBytesMax) log.response->body += "\xe2\x82\xac";
    const auto read = read_log(log_item(log));
    ASSERT_TRUE(read);
    EXPECT_TRUE(is_utf8(read->response->body));
    EXPECT_TRUE(read->response->body_truncated);
  }
}

TEST(ItemsTest, CorruptLogsAreErrors) {
  const Item whole = log_item(make_log({"ns", "task"}, kT0, "l1"));
  Item item = whole;
  item["id"] = text_value("no date");
  EXPECT_EQ(read_log(item).error().code, ErrorCode::kCorrupt);
  item = whole;
  item.erase("lg");
  EXPECT_EQ(read_log(item).error().code, ErrorCode::kCorrupt);
  item = whole;
  item["lg"] = bytes_value("\x01");
  EXPECT_EQ(read_log(item).error().code, ErrorCode::kCorrupt);
}

TEST(AttributesTest, EverySizeOfBytesComesBack) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 37));
    EXPECT_EQ(bytes_of(Item{{"b", bytes_value(bytes)}}, "b"), bytes) << size;
    EXPECT_EQ(item_bytes(Item{{"b", bytes_value(bytes)}}), 1 + size);
  }
  EXPECT_EQ(number_of(Item{{"n", number_value(-5)}}, "n"), -5);
  for (const char* wrong : {"", "1.5", "1e3", "x", "99999999999999999999"}) {
    EXPECT_FALSE(number_of(Item{{"n", Item{{"N", wrong}}}}, "n")) << wrong;
  }
}

}  // namespace
}  // namespace rhooks::store::dynamo
