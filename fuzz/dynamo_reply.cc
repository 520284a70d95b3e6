// What DynamoDB, or what stands in its place, answers. Any bytes have a meaning; what goes
// into messages and logs is one short line; what is taken for an answer is an object; and a
// task or log that is read from an item gives an item that is read as the same.
//
// An input is a byte for the status and the answer's body. Values of items are base64, which a
// fuzzer hardly gets right, so the whole input also stands in items: a byte says how long the
// state is, and what follows it is the spec, or a log. It is also read as an outbox.

#include <cmath>
#include <iterator>

#include "fuzz/fuzz.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/items.h"
#include "store/dynamo/outbox.h"
#include "store/dynamo/service_answer.h"

using namespace rhooks::store::dynamo;

namespace {

void expect_one_line(const std::string& text) {
  FUZZ_EXPECT(text.size() <= 512);
  for (const char c : text) FUZZ_EXPECT(c >= ' ' && c <= '~');
}

constexpr int kShards = 16;

void check_task(const Item& item, const Item* payload) {
  const auto stored = read_task(item, payload);
  if (!stored) {
    FUZZ_EXPECT(stored.error().code == rhooks::ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(stored->record.task.key == key_of(item));
  const Item again = task_item(stored->record, stored->rev, kShards);
  const auto same = read_task(again, nullptr);
  FUZZ_EXPECT(same && same->record == stored->record && same->rev == stored->rev);
  FUZZ_EXPECT(!same->lease_until && !same->payload);
  const auto shard = number_of(again, "sh");
  FUZZ_EXPECT(shard && *shard >= 0 && *shard < kShards);
  // Only what is ACTIVE is in the index of what is due.
  const bool active = stored->record.task.status == rhooks::Status::kActive;
  FUZZ_EXPECT(again.contains("due") == active);
}

void check_log(const Item& item) {
  const auto log = read_log(item);
  if (!log) {
    FUZZ_EXPECT(log.error().code == rhooks::ErrorCode::kCorrupt);
    return;
  }
  const Item again = log_item(*log);
  FUZZ_EXPECT(item_bytes(again) <= kItemBytesMax);
  FUZZ_EXPECT(read_log(again) == *log);
  FUZZ_EXPECT(again.contains("fl") == (log->status == rhooks::LogStatus::kFail));
  // TimeToLive never deletes what has not expired.
  const auto ttl = number_of(again, "ttl");
  FUZZ_EXPECT(ttl.has_value() == log->expires_at.has_value());
  FUZZ_EXPECT(!ttl || *ttl * 1000 >= rhooks::to_millis(*log->expires_at));
}

// Of what was read each byte is needed.
void check_outbox(std::string_view bytes) {
  const auto follow_ups = decode_outbox({"app", "order-1"}, bytes);
  if (!follow_ups) {
    FUZZ_EXPECT(follow_ups.error().code == rhooks::ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(encode_outbox(*follow_ups) == bytes);
}

void check_item(const Item& item) {
  for (const auto& attribute : item) {
    const auto bytes = bytes_of(item, attribute.key());
    if (bytes) FUZZ_EXPECT(bytes_of({{"b", bytes_value(*bytes)}}, "b") == bytes);
    text_of(item, attribute.key());
    number_of(item, attribute.key());
  }
  check_task(item, nullptr);
  check_task(item, &item);
  check_log(item);
}

void check_values(rhooks::fuzz::Input input) {
  const auto state_bytes = input.number(1);
  const std::string_view state = input.text(state_bytes);
  const std::string_view spec = input.rest();
  Item item = key_item("app", "2026-01-31T12:34:56.789Z#log-1");
  item["rev"] = bytes_value("0123456789abcdef");
  item["sv"] = bytes_value(state);
  item["sp"] = bytes_value(spec);
  item["lg"] = bytes_value(spec);
  check_task(item, nullptr);
  check_log(item);
  item["pl"] = text_value("payload-1");
  check_task(item, nullptr);
  check_task(item, &item);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rhooks::fuzz::Input input(data, size);
  constexpr int kStatuses[] = {200, 400, 403, 413, 429, 500, 503, 302, 100, 0};
  const int status = kStatuses[input.number(1) % std::size(kStatuses)];
  const std::string_view body = input.rest();

  const ServiceAnswer answer = read_answer(status, body);
  expect_one_line(answer.type);
  expect_one_line(answer.message);
  expect_one_line(throttling_reasons(answer.body));
  // Only a 200 is ever taken for done, only a 4xx for surely not done.
  const bool done = answer.meaning == Meaning::kDone;
  FUZZ_EXPECT(!done || (status == 200 && answer.type.empty()));
  const bool open =
      answer.meaning == Meaning::kServerError || answer.meaning == Meaning::kUnreadable;
  FUZZ_EXPECT(status < 500 || open);
  FUZZ_EXPECT(answer.meaning != Meaning::kOutcome || !answer.type.empty());
  for (const auto& [table, units] : consumed_capacity(answer.body)) {
    FUZZ_EXPECT(std::isfinite(units) && units > 0);
  }
  crc32_fits(body.substr(0, 12), body);

  if (const auto* item = answer.body.if_contains("Item"); item && item->is_object()) {
    check_item(item->get_object());
    FUZZ_EXPECT(item_bytes(item->get_object()) <= body.size());
  }
  if (const auto dated = parse_dated_id(body)) {
    FUZZ_EXPECT(parse_dated_id(dated_id(dated->at, dated->id))->id == dated->id);
    FUZZ_EXPECT(parse_dated_id(dated_id(dated->at, dated->id))->at == dated->at);
  }
  check_values(rhooks::fuzz::Input(data, size));
  check_outbox(rhooks::fuzz::Input(data, size).rest());
  return 0;
}
