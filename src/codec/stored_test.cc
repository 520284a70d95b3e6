#include "codec/stored.h"

#include <gtest/gtest.h>

#include <random>

#include "base/sha256.h"
#include "codec/tagged.h"
#include "codec/test_records.h"
#include "model/transitions.h"
#include "testing/test_seed.h"

namespace rhooks::codec {
namespace {

Result<Log> decode(const Log& log, std::string_view bytes) {
  return decode_log(log.task.ns, log.started_at, log.id, bytes);
}

TEST(StoredTest, RecordsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 2000; ++i) {
    const model::TaskRecord record = random.record();
    const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, record) << "record " << i;
  }
}

TEST(StoredTest, LogsComeBackAsTheyWere) {
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

TEST(StoredTest, SpecAndStateAreApart) {
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

TEST(StoredTest, WhatHoldsATaskIsNotStored) {
  model::TaskRecord record = TestRecords(1).record();
  const std::string spec = encode_spec(record);
  const std::string state = encode_state(record);
  record.task.held = Held{"paused", kTimeMax};
  EXPECT_EQ(encode_spec(record), spec);
  EXPECT_EQ(encode_state(record), state);
}

TEST(StoredTest, ProcessingIsStoredAsActive) {
  model::TaskRecord record = TestRecords(1).record();
  record.task.status = Status::kProcessing;
  const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->task.status, Status::kActive);
}

TEST(StoredTest, TimesOutOfRangeAreMovedToItsEnds) {
  model::TaskRecord record = TestRecords(1).record();
  record.task.scheduled_date = kTimeMax + std::chrono::hours{1};
  record.task.updated_at = kTimeMin - std::chrono::hours{1};
  const auto back = decode_record(record.task.key, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task.scheduled_date, kTimeMax);
  EXPECT_EQ(back->task.updated_at, kTimeMin);
}

TEST(StoredTest, ANegativeDurationIsStoredAsNone) {
  Log log = TestRecords(1).log();
  log.duration = std::chrono::microseconds{-5};
  const auto back = decode(log, encode_log(log));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->duration.count(), 0);
}

TEST(StoredTest, EveryTruncationIsCorrupt) {
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

TEST(StoredTest, BytesThatFollowAreCorrupt) {
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
TEST(StoredTest, EverySingleBitFlipIsBorne) {
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
      // Less a field whose number is of none: a log is not written again.
      const std::string again = encode_log(*back);
      ASSERT_LE(again.size(), bytes.size());
      ASSERT_EQ(decode(log, again), *back);
    };
    flip_all(spec, check_record);
    flip_all(state, check_record);
    flip_all(bytes, check_log);
    if (HasFatalFailure()) return;
  }
}

TEST(StoredTest, RandomBytesAreBorne) {
  std::mt19937_64 engine(testing::test_seed());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(engine() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine());
    if (!bytes.empty()) bytes[0] = static_cast<char>(8 + i % 2 * 2);
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

// A store that a newer build wrote keeps what this one does not know.
TEST(StoredTest, FieldsOfANewerBuildAreWrittenAgain) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 200; ++i) {
    model::TaskRecord record = random.record();
    record.newer_spec_fields.clear();
    record.task.newer_fields.clear();
    const std::string known_spec = encode_spec(record);
    const std::string known_state = encode_state(record);
    const std::string newer = newer_field(40, random.text(20)) + newer_field(5'000, "");
    const auto with = [&](std::string bytes) {
      bytes.insert(bytes.size() - 1, newer);
      return bytes;
    };
    auto back = decode_record(record.task.key, with(known_spec), with(known_state));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->newer_spec_fields, newer);
    EXPECT_EQ(back->task.newer_fields, newer);
    EXPECT_EQ(encode_spec(*back), with(known_spec));
    EXPECT_EQ(encode_state(*back), with(known_state));
    // As the older build changes it.
    back->task.status = Status::kDone;
    const auto changed = decode_record(record.task.key, encode_spec(*back), encode_state(*back));
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->task.newer_fields, newer);

    const Log log = random.log();
    const auto read = decode(log, with(encode_log(log)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, log);
  }
}

TEST(StoredTest, DocumentsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 50; ++i) {
    const model::StoredDocument document = random.document();
    const std::string bytes = encode_document(document);
    const auto back = decode_document(document.key, bytes);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, document) << "document " << i;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = decode_document(document.key, bytes.substr(0, size));
      ASSERT_FALSE(cut) << "cut to " << size;
      ASSERT_EQ(cut.error().code, ErrorCode::kCorrupt);
    }
    EXPECT_FALSE(decode_document(document.key, bytes + '\0'));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const auto other = decode_document(document.key, flipped);
      if (!other) {
        ASSERT_EQ(other.error().code, ErrorCode::kCorrupt);
        continue;
      }
      ASSERT_EQ(encode_document(*other), flipped);
    }
  }
}

TEST(StoredTest, NumbersOfADocumentStayAsTheyAre) {
  model::StoredDocument document;
  document.revision.fill(1);
  document.updated_at = from_millis(1);
  document.data = "d";
  const std::string bytes = encode_document(document);
  EXPECT_EQ(to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
            "0a1001010101010101010101010101010101"
            "1002"
            "1a0164"  // 1 to 3
            "00");
  EXPECT_EQ(decode_document({}, std::string(1, '\0')).error().code, ErrorCode::kCorrupt)
      << "each has a revision";
}

TEST(StoredTest, SecretsComeBackAsTheyWere) {
  TestRecords random(testing::test_seed());
  for (int i = 0; i < 50; ++i) {
    const model::StoredSecret secret = random.secret();
    const model::DocumentKey key{"secret", secret.ns, secret.name};
    const std::string bytes = encode_secret(secret);
    const auto back = decode_secret(key, bytes);
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(*back, secret) << "secret " << i;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = decode_secret(key, bytes.substr(0, size));
      ASSERT_FALSE(cut) << "cut to " << size;
      ASSERT_EQ(cut.error().code, ErrorCode::kCorrupt);
    }
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      if (const auto other = decode_secret(key, flipped)) {
        ASSERT_EQ(encode_secret(*other), flipped);
      }
    }
  }
}

TEST(StoredTest, NumbersOfASecretStayAsTheyAre) {
  model::StoredSecret secret;
  secret.type = SecretType::kBasic;
  secret.description = "d";
  secret.public_key = "k";
  secret.previous_public_key = "p";
  secret.previous_until = from_millis(1);
  secret.rotated_at = from_millis(2);
  secret.created_at = from_millis(3);
  secret.id.fill(1);
  secret.sealed = "s";
  secret.previous_id.fill(2);
  secret.previous_sealed = "t";
  const std::string bytes = encode_secret(secret);
  EXPECT_EQ(to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
            "0803"
            "120164"
            "1a016b"
            "220170"
            "2802"
            "3004"
            "3806"                                  // 1 to 7
            "421001010101010101010101010101010101"  // 8, 9
            "4a0173"
            "521002020202020202020202020202020202"  // 10, 11
            "5a0174"
            "00");
  const model::DocumentKey key{"secret", "ns", "a"};
  EXPECT_EQ(decode_secret(key, std::string(1, '\0')).error().code, ErrorCode::kCorrupt)
      << "each has a value";
  secret.previous_sealed.clear();
  EXPECT_EQ(decode_secret(key, encode_secret(secret)).error().code, ErrorCode::kCorrupt);
}

// What is not used takes no place.
TEST(StoredTest, AnEmptyRecordIsAnEndAlone) {
  const model::TaskRecord record;
  EXPECT_EQ(encode_spec(record), std::string(1, '\0'));
  EXPECT_EQ(encode_state(record), std::string(1, '\0'));
  const auto back = decode_record({}, std::string(1, '\0'), std::string(1, '\0'));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, record);
}

// So a default is a part of the format: with another one stored tasks would change.
TEST(StoredTest, DefaultsStayAsTheyAre) {
  const auto back = decode_record({}, std::string(1, '\0'), std::string(1, '\0'));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->task.retry_limit, std::nullopt);
  EXPECT_EQ(model::rules_for(back->task, nullptr).retry_limit, 3);
  EXPECT_EQ(back->task.timeout, std::nullopt);
  EXPECT_EQ(back->task.endpoint + back->task.flow_key, "");
  EXPECT_EQ(back->task.request.method, Method::kGet);
  EXPECT_EQ(back->task.repeat, std::nullopt);
  EXPECT_EQ(back->task.status, Status::kActive);
  EXPECT_EQ(back->task.attempt, 0);
  EXPECT_FALSE(back->task.in_order);
  const auto repeat = decode_record({}, std::string("\x50\x02\0", 3), std::string(1, '\0'));
  ASSERT_TRUE(repeat);
  EXPECT_EQ(repeat->task.repeat, (Repeat{2, 1, RepeatUnit::kMinutes}));
  const Execution& execution = back->task.execution;
  EXPECT_EQ(execution.count + execution.failed + execution.successful + execution.skipped +
                execution.extra + back->task.errors.count + back->task.errors.consecutive,
            0);
  const auto log = decode_log("ns", {}, "id", std::string(1, '\0'));
  ASSERT_TRUE(log);
  EXPECT_EQ(log->attempt, 1);
  EXPECT_EQ(log->retry_limit, 0);
  EXPECT_EQ(log->status, LogStatus::kFail);
  EXPECT_EQ(log->duration.count(), 0);
  EXPECT_EQ(log->response, std::nullopt);
}

// The numbers are those of every store there is. What a test has to be changed for here makes
// stores unreadable.
TEST(StoredTest, NumbersStayAsTheyAre) {
  const auto hex = [](const std::string& bytes) {
    return to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  model::TaskRecord record;
  Task& task = record.task;
  const TimePoint t = from_millis(1);
  task.created_at = t;
  record.fingerprint.fill(1);
  task.id_prefix = "p";
  task.description = "d";
  task.request = {Method::kPost, "u", {{"n", "v"}}, Body::text("b")};
  task.retry_limit = 4;
  task.repeat = Repeat{1, 2, RepeatUnit::kHours};
  const std::string before_endpoints =
      "0802"                                  // 1
      "121001010101010101010101010101010101"  // 2
      "1a0170"                                // 3
      "2001"
      "2a0175"
      "32060a016e120176"
      "3802"
      "420162"  // 4 to 8
      "4804"
      "5001"
      "5802"
      "6002"
      "6a0164";  // 9 to 13
  EXPECT_EQ(hex(encode_spec(record)), before_endpoints + "00");
  task.timeout = std::chrono::milliseconds{20};
  task.endpoint = "a";
  task.flow_key = "f";
  task.deliver_before = t;
  task.callback = "c";
  task.callback_on = {"e", ""};
  task.origin = "o";
  EXPECT_EQ(hex(encode_spec(record)), before_endpoints +
                                          "7014"
                                          "7a0161"
                                          "82010166"
                                          "880102"  // 14 to 17
                                          "92010163"
                                          "9a0101659a0100"
                                          "a201016f"
                                          "00");  // 18 to 20
  task.status = Status::kSuspended;
  task.scheduled_date = t;
  task.attempt = 1;
  task.next_attempt_date = task.extra_date = task.expires_at = task.updated_at = t;
  record.last_token.fill(2);
  task.errors = {1, 1, t, t, "e"};
  task.execution = {1, 1, 1, 1, 1, t, t, t, 200, {{"n", "v"}}, "b"};
  task.failure_reason = "r";
  task.in_order = true;
  EXPECT_EQ(hex(encode_state(record)),
            "0803"
            "1002"
            "1801"
            "2002"
            "2802"                                  // 1 to 5
            "321002020202020202020202020202020202"  // 6
            "3802"
            "4002"  // 7, 8
            "4801"
            "5001"
            "5802"
            "6002"
            "6a0165"  // 9 to 13
            "7001"
            "7801"
            "800101"
            "880101"
            "900101"  // 14 to 18
            "980102"
            "a00102"
            "a80102"
            "b001c801"  // 19 to 22
            "ba01060a016e120176"
            "c2010162"
            "ca010172"
            "d00101"
            "00");  // 23 to 26
}

TEST(StoredTest, NumbersOfAScheduleStayAsTheyAre) {
  model::TaskRecord record;
  Schedule& schedule = record.task.schedule.emplace();
  const auto hex = [&] {
    const std::string bytes = encode_spec(record);
    return to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  // The zone tells that there is one, also where all else has its default.
  EXPECT_EQ(hex(),
            "aa0103555443"
            "00");
  schedule.timezone = "z";
  schedule.cron = {"a", "b"};
  schedule.every = "c";
  schedule.at = {"d"};
  schedule.start = "e";
  schedule.end = "f";
  schedule.max = 2;
  schedule.exclude = {"g"};
  schedule.jitter = std::chrono::milliseconds{3};
  schedule.missed = Missed::kAll;
  schedule.grace = std::chrono::milliseconds{4};
  schedule.overlap = Overlap::kSkip;
  schedule.since = from_millis(1);
  EXPECT_EQ(hex(),
            "aa01017a"
            "b2010161b2010162"
            "ba010163"
            "c2010164"
            "ca010165"
            "d2010166"  // 21 to 26
            "d80102"
            "e2010167"
            "e80103"
            "f00102"
            "f80104"
            "800201"
            "880202"
            "00");  // 27 to 33
  const auto back = decode_record({}, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task.schedule, schedule);
}

TEST(StoredTest, NumbersOfWhatPausesStayAsTheyAre) {
  const auto hex = [](const std::string& bytes) {
    return to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  model::TaskRecord record;
  record.task.max_errors = 0;
  record.task.pause_on_failure = true;
  record.task.note = "n";
  const std::string spec = encode_spec(record);
  EXPECT_NE(hex(spec).find("900200980201"), std::string::npos) << hex(spec);  // 34 and 35
  const std::string state = encode_state(record);
  EXPECT_NE(hex(state).find("f201016e"), std::string::npos) << hex(state);  // 30
  const auto back = decode_record({}, spec, state);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task, record.task);
}

// Who skipped nothing stores nothing of it.
TEST(StoredTest, NumbersOfWhatWasSkippedStayAsTheyAre) {
  const auto hex = [](const std::string& bytes) {
    return to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  model::TaskRecord record;
  record.task.skipped_before = Skipped{from_millis(5), 3, 4};
  std::string bytes = encode_state(record);
  EXPECT_NE(hex(bytes).find("d8010ae00103e80104"), std::string::npos) << hex(bytes);  // 27 to 29
  auto back = decode_record({}, encode_spec(record), bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task.skipped_before, record.task.skipped_before);
  // The first of them tells that there were some.
  record.task.skipped_before = Skipped{};
  back = decode_record({}, encode_spec(record), encode_state(record));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->task.skipped_before, record.task.skipped_before);

  Log log;
  log.skipped_before = Skipped{from_millis(7), 2, 1};
  bytes = encode_log(log);
  EXPECT_NE(hex(bytes).find("a8010eb00102b80101"), std::string::npos) << hex(bytes);  // 21 to 23
  const auto same = decode(log, bytes);
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->skipped_before, log.skipped_before);
}

TEST(StoredTest, ARetryLimitIsStoredWhereThereIsOne) {
  model::TaskRecord record;
  for (const int limit : {0, 3, 100}) {
    record.task.retry_limit = limit;
    const std::string bytes = encode_spec(record);
    EXPECT_EQ(bytes, (std::string{'\x48', static_cast<char>(limit), '\0'}));
    const auto back = decode_record({}, bytes, encode_state(record));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->task.retry_limit, limit);
  }
}

TEST(StoredTest, NumbersOfALogStayAsTheyAre) {
  const TimePoint t = from_millis(1);
  Log log;
  log.expires_at = t;
  log.task.id = "i";
  log.attempt = 2;
  log.retry_limit = 1;
  log.request = {Method::kPost, "u", {{"n", "v"}}, Body::text("b")};
  log.response = Response{200, {{"n", "v"}}, "r", true};
  log.error = "e";
  log.status = LogStatus::kSuccess;
  log.scheduled_date = log.due_date = log.created_at = t;
  log.duration = std::chrono::microseconds{1};
  log.probe = true;
  const std::string bytes = encode_log(log);
  EXPECT_EQ(to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
            "0802"
            "120169"
            "1802"
            "2001"  // 1 to 4
            "2801"
            "320175"
            "3a060a016e120176"
            "4002"
            "4a0162"  // 5 to 9
            "50c801"
            "5a060a016e120176"
            "620172"
            "6801"  // 10 to 13
            "720165"
            "7800"
            "800102"
            "880102"
            "900101"
            "980102"
            "a00101"  // 14 to 20
            "00");
}

TEST(StoredTest, WhatNoFieldCanBeIsCorrupt) {
  const auto reason = [](std::string_view spec) {
    const auto back = decode_record({"ns", "id"}, spec, {});
    return back ? std::string() : back.error().message;
  };
  using std::string_view_literals::operator""sv;
  for (const auto& [spec, why] : {
           std::pair{""sv, "cut short"},
           std::pair{"\x08"sv, "cut short"},
           std::pair{"\x08\x02"sv, "cut short"},
           std::pair{"\x08\x02\x00\x00"sv, "more bytes follow"},
           std::pair{"\x08\x00\x00"sv, "has no value"},
           std::pair{"\x1a\x00\x00"sv, "has no value"},
           std::pair{"\x0a\x01\x02\x00"sv, "of another kind"},
           std::pair{"\x09\x02\x00"sv, "no known kind"},
           std::pair{"\x48\x01\x08\x02\x00"sv, "out of order"},
           std::pair{"\x48\x01\x48\x01\x00"sv, "twice"},
           std::pair{"\x20\x06\x00"sv, "an enumerator is unknown"},
           std::pair{"\x12\x01x\x00"sv, "another length"},
           std::pair{"\x32\x02\x0a\x00\x00"sv, "no name and value"},
           std::pair{"\x58\x01\x00"sv, "of an object that is not there"},
           std::pair{"\x50\x00\x00"sv, "repeats without an interval"},
           std::pair{"\x50\x02\x58\x01\x00"sv, "has its default"},
           std::pair{"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x3f\x00"sv, "longer than what is left"},
       }) {
    EXPECT_NE(reason(spec).find(why), std::string::npos) << why << ": " << reason(spec);
    EXPECT_NE(reason(spec).find("spec of task"), std::string::npos);
  }
  const auto state = decode_record({"ns", "id"}, std::string(1, '\0'), "\x08");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(state.error().message.find("state of task"), std::string::npos);
}

TEST(TaggedTest, NumbersOfEveryLengthComeBack) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << bits) - 1, std::uint64_t{1} << bits, ~std::uint64_t{0} >> bits}) {
      FieldWriter out;
      out.put_number(1, value);
      out.put_text(kFieldMax, std::string(static_cast<std::size_t>(bits) * 5, 'x'));
      const std::string bytes = out.take();
      FieldReader in(bytes);
      EXPECT_EQ(in.next(), 1u);
      EXPECT_EQ(in.optional_number(~std::uint64_t{0}), value);
      EXPECT_EQ(in.next(), kFieldMax);
      EXPECT_EQ(in.repeated_text().size(), static_cast<std::size_t>(bits) * 5);
      EXPECT_EQ(in.next(), 0u);
      EXPECT_TRUE(in.ok());
    }
  }
}

TEST(TaggedTest, OnlyTheShortestFormOfANumberIsRead) {
  for (const std::string_view number :
       {std::string_view("\x80\x00", 2),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        std::string_view("\x80")}) {
    const std::string bytes = "\x08" + std::string(number);
    FieldReader in(bytes);
    EXPECT_EQ(in.next(), 1u);
    EXPECT_EQ(in.optional_number(~std::uint64_t{0}), 0u);
    EXPECT_FALSE(in.ok());
  }
}

TEST(TaggedTest, UnknownFieldsAreWrittenAtTheirPlace) {
  const std::string unknown = newer_field(2, "two") + newer_field(5, "") + newer_field(9, "nine");
  const auto write = [](FieldWriter& out, std::initializer_list<std::uint32_t> fields) {
    for (const std::uint32_t field : fields) out.put_text(field, std::to_string(field));
    return out.take();
  };
  FieldWriter out(0, unknown);
  const std::string bytes = write(out, {1, 3, 4, 6});
  FieldReader in(bytes);
  std::string found;
  std::string kept;
  while (const std::uint32_t field = in.next()) {
    found += std::to_string(field) + " ";
    if (field == 2 || field == 5 || field == 9) {
      in.keep(kept);
    } else {
      EXPECT_EQ(in.text(), std::to_string(field));
    }
  }
  EXPECT_TRUE(in.ok()) << in.reason();
  EXPECT_EQ(found, "1 2 3 4 5 6 9 ");
  EXPECT_EQ(kept, unknown);
}

}  // namespace
}  // namespace rhooks::codec
