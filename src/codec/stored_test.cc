#include "codec/stored.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/bytes.h"
#include "codec/test_records.h"
#include "testing/test_seed.h"

namespace rhooks::codec {
namespace {

Result<Log> decode(const Log& log, std::string_view bytes) {
  return decode_log(log.task.ns, log.started_at, log.id, bytes);
}

TEST(Stored, RecordsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 2000; ++i) {
    const model::TaskRecord record = random.record();
    const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, record) << "record " << i;
  }
}

TEST(Stored, LogsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 2000; ++i) {
    const Log log = random.log();
    const std::string bytes = encode_log(log);
    const auto back = decode(log, bytes);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, log) << "log " << i;
    const auto expiry = log_expiry(bytes);
    ASSERT_TRUE(expiry);
    ASSERT_EQ(*expiry, log.expires_at);
  }
}

TEST(Stored, SpecAndStateAreApart) {
  TestRecords random(7);
  model::TaskRecord a = random.record();
  model::TaskRecord b = a;
  b.task.status = a.task.status == Status::kDone ? Status::kFailed : Status::kDone;
  b.task.execution.count += 1;
  b.task.updated_at = kTimeMax - std::chrono::milliseconds{1};
  b.last_token[0] ^= 1;
  EXPECT_EQ(encode_spec(a), encode_spec(b));
  EXPECT_NE(encode_state(a), encode_state(b));
  model::TaskRecord c = a;
  c.task.request.url += "x";
  c.task.retry_limit = 1;
  c.task.id_prefix = "other";
  EXPECT_EQ(encode_state(a), encode_state(c));
  EXPECT_NE(encode_spec(a), encode_spec(c));
}

TEST(Stored, ProcessingIsStoredAsActive) {
  model::TaskRecord record = TestRecords(1).record();
  record.task.status = Status::kProcessing;
  const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->task.status, Status::kActive);
}

TEST(Stored, TimesOutOfRangeAreMovedToItsEnds) {
  model::TaskRecord record = TestRecords(1).record();
  record.task.scheduled_date = kTimeMax + std::chrono::hours{1};
  record.task.updated_at = kTimeMin - std::chrono::hours{1};
  const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task.scheduled_date, kTimeMax);
  EXPECT_EQ(back->task.updated_at, kTimeMin);
}

TEST(Stored, ANegativeDurationIsStoredAsNone) {
  Log log = TestRecords(1).log();
  log.duration = std::chrono::microseconds{-5};
  const auto back = decode(log, encode_log(log));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->duration.count(), 0);
}

// As it was written before logs had a due date: with the request of an empty log.
std::string log_of_version_1(int attempt, std::int64_t duration_ms) {
  ByteWriter out;
  out.u8(1);
  out.optional_time(TimePoint{std::chrono::seconds{9}});
  out.string("task");
  out.integer(attempt);
  out.integer(3);
  out.u8(0);  // the request: GET, no URL, no headers, no body
  out.string("");
  out.varint(0);
  out.u8(0);
  out.string("");
  out.flag(false);
  out.string("no answer");
  out.u8(1);
  out.time(TimePoint{std::chrono::seconds{1}});
  out.integer(duration_ms);
  out.time(TimePoint{std::chrono::seconds{3}});
  return out.take();
}

TEST(Stored, ALogOfVersion1IsRead) {
  const TimePoint started_at{std::chrono::seconds{2}};
  const auto first = decode_log("ns", started_at, "id", log_of_version_1(1, 7));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->error, "no answer");
  EXPECT_EQ(first->due_date, first->scheduled_date);
  EXPECT_EQ(first->duration, std::chrono::milliseconds{7});
  EXPECT_EQ(first->created_at, TimePoint{std::chrono::seconds{3}});
  EXPECT_EQ(log_expiry(log_of_version_1(1, 7)).value(), TimePoint{std::chrono::seconds{9}});
  const auto retry = decode_log("ns", started_at, "id", log_of_version_1(2, 7));
  ASSERT_TRUE(retry);
  EXPECT_EQ(retry->due_date, started_at);
  // More than microseconds can tell.
  EXPECT_FALSE(decode_log("ns", started_at, "id", log_of_version_1(1, INT64_MAX / 1000 + 1)));
}

TEST(Stored, EveryTruncationIsCorrupt) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 20; ++i) {
    const model::TaskRecord record = random.record();
    const std::string spec = encode_spec(record);
    const std::string state = encode_state(record);
    for (std::size_t size = 0; size < spec.size(); ++size) {
      const auto back = decode_record(record.task.key, spec.substr(0, size), state);
      ASSERT_FALSE(back) << "spec cut to " << size;
      ASSERT_EQ(back.error().code, ErrorCode::kCorrupt);
    }
    for (std::size_t size = 0; size < state.size(); ++size) {
      const auto back = decode_record(record.task.key, spec, state.substr(0, size));
      ASSERT_FALSE(back) << "state cut to " << size;
      ASSERT_EQ(back.error().code, ErrorCode::kCorrupt);
    }
    const Log log = random.log();
    const std::string bytes = encode_log(log);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto back = decode(log, bytes.substr(0, size));
      ASSERT_FALSE(back) << "log cut to " << size;
      ASSERT_EQ(back.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST(Stored, BytesThatFollowAreCorrupt) {
  const model::TaskRecord record = TestRecords(3).record();
  const std::string spec = encode_spec(record);
  const std::string state = encode_state(record);
  EXPECT_FALSE(decode_record(record.task.key, spec + '\0', state));
  EXPECT_FALSE(decode_record(record.task.key, spec, state + '\0'));
  const Log log = TestRecords(3).log();
  const auto back = decode(log, encode_log(log) + '\0');
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("more bytes follow"), std::string::npos);
}

// A changed bit may give other values, but what decodes can be encoded again and stays the
// same, and nothing else than kCorrupt is answered.
TEST(Stored, EverySingleBitFlipIsBorne) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 10; ++i) {
    const model::TaskRecord record = random.record();
    std::string spec = encode_spec(record);
    std::string state = encode_state(record);
    const Log log = random.log();
    std::string bytes = encode_log(log);
    const auto flip_all = [&](std::string& text, const auto& check) {
      for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        check();
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
      }
    };
    const auto check_record = [&] {
      const auto back = decode_record(record.task.key, spec, state);
      if (!back) {
        ASSERT_EQ(back.error().code, ErrorCode::kCorrupt);
        return;
      }
      ASSERT_EQ(encode_spec(*back), spec);
      ASSERT_EQ(encode_state(*back), state);
    };
    const auto check_log = [&] {
      const auto back = decode(log, bytes);
      if (!back) {
        ASSERT_EQ(back.error().code, ErrorCode::kCorrupt);
        return;
      }
      ASSERT_EQ(encode_log(*back), bytes);
    };
    flip_all(spec, check_record);
    flip_all(state, check_record);
    flip_all(bytes, check_log);
    if (HasFatalFailure()) return;
  }
}

TEST(Stored, RandomBytesAreBorne) {
  std::mt19937_64 engine(testing::test_seed());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(engine() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine());
    if (!bytes.empty()) bytes[0] = static_cast<char>(1 + i % 2);
    const auto record = decode_record({"ns", "id"}, bytes, bytes);
    if (!record) {
      ASSERT_EQ(record.error().code, ErrorCode::kCorrupt);
    }
    const auto log = decode_log("ns", {}, "id", bytes);
    if (!log) {
      ASSERT_EQ(log.error().code, ErrorCode::kCorrupt);
    }
    const auto expiry = log_expiry(bytes);
    if (!expiry) {
      ASSERT_EQ(expiry.error().code, ErrorCode::kCorrupt);
    }
  }
}

// A build that knows no extra occurrences reads every task that has none.
TEST(Stored, TasksAreOfTheSecondVersionOnlyOnceTheyHadAnExtraOccurrence) {
  model::TaskRecord record = TestRecords(3).record();
  record.task.extra_date.reset();
  record.task.execution.extra = 0;
  record.task.expires_at.reset();
  const std::string first = encode_state(record);
  EXPECT_EQ(first[0], 1);
  record.task.execution.extra = 1;
  const std::string second = encode_state(record);
  EXPECT_EQ(second[0], 2);
  EXPECT_EQ(second.substr(1, first.size() - 1), first.substr(1));
  record.task.execution.extra = 0;
  record.task.extra_date = kTimeMin;
  EXPECT_EQ(encode_state(record)[0], 2);

  // One value has one form.
  std::string none = first + std::string(2, '\0');
  none[0] = 2;
  const auto back = decode_record(record.task.key, encode_spec(record), none);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kCorrupt);
}

TEST(Stored, TasksAreOfTheThirdVersionOnlyOnceTheyExpire) {
  model::TaskRecord record = TestRecords(3).record();
  for (const std::int64_t extra : {0, 7}) {
    record.task.extra_date.reset();
    record.task.execution.extra = extra;
    record.task.expires_at.reset();
    EXPECT_EQ(encode_state(record)[0], extra == 0 ? 1 : 2);
    for (const TimePoint at : {kTimeMin, kTimeMax}) {
      record.task.expires_at = at;
      const std::string state = encode_state(record);
      EXPECT_EQ(state[0], 3);
      const auto back = decode_record(record.task.key, encode_spec(record), state);
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(*back, record);
    }
  }
}

TEST(Stored, AnotherVersionIsNamed) {
  const model::TaskRecord record = TestRecords(3).record();
  std::string spec = encode_spec(record);
  std::string state = encode_state(record);
  spec[0] = 2;
  const auto back = decode_record(record.task.key, spec, state);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(back.error().message.find("spec of task"), std::string::npos);
  EXPECT_NE(back.error().message.find("version"), std::string::npos);
  spec[0] = 1;
  state[0] = 0;
  const auto other = decode_record(record.task.key, spec, state);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("state of task"), std::string::npos);
  std::string log = encode_log(TestRecords(3).log());
  log[0] = 9;
  EXPECT_FALSE(log_expiry(log));
}

// A length or a count that the input does not bear is refused before anything is allocated.
TEST(Stored, FalseLengthsAllocateNothing) {
  ByteWriter out;
  out.u8(1);
  out.time(kTimeMin);
  out.array(model::Fingerprint{});
  out.varint(std::uint64_t{1} << 62);  // the length of id_prefix
  const auto text = decode_record({"ns", "id"}, out.take(), "");
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("longer than what is left"), std::string::npos);

  out.u8(1);
  out.time(kTimeMin);
  out.array(model::Fingerprint{});
  out.string("");
  out.u8(0);
  out.string("http://x/");
  out.varint(std::uint64_t{1} << 62);  // the count of headers
  const auto headers = decode_record({"ns", "id"}, out.take(), "");
  ASSERT_FALSE(headers);
  EXPECT_NE(headers.error().message.find("fewer headers"), std::string::npos);
}

TEST(Bytes, NumbersOfEveryLengthComeBack) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << bits) - 1, std::uint64_t{1} << bits, ~std::uint64_t{0} >> bits}) {
      ByteWriter out;
      out.varint(value);
      out.integer(static_cast<std::int64_t>(value));
      const std::string bytes = out.take();
      ByteReader in(bytes);
      EXPECT_EQ(in.varint(), value);
      EXPECT_EQ(in.integer(), static_cast<std::int64_t>(value));
      in.end();
      EXPECT_TRUE(in.ok());
    }
  }
}

TEST(Bytes, OnlyTheShortestFormOfANumberIsRead) {
  for (const std::string_view bytes :
       {std::string_view("\x80\x00", 2),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        std::string_view("\x80")}) {
    ByteReader in(bytes);
    EXPECT_EQ(in.varint(), 0u);
    EXPECT_FALSE(in.ok());
  }
}

}  // namespace
}  // namespace rhooks::codec
