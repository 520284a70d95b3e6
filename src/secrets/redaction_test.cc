// The key of placeholders, on a memory store that fails as told.

#include "secrets/redaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/redaction.h"
#include "store/memory/memory_store.h"
#include "testing/captured_log.h"
#include "testing/faulty_store.h"

namespace rhooks::secrets {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{std::chrono::milliseconds{1'769'862'896'789}};

class RedactionTest : public ::testing::Test {
 protected:
  std::string shown(Redaction& redaction, const std::string& value, TimePoint now = kNow) {
    std::vector<Header> headers = {{"authorization", value}, {"x-team", "billing"}};
    redaction.redact(headers, now);
    EXPECT_EQ(headers[1].value, "billing");
    EXPECT_TRUE(model::is_placeholder(headers[0].value)) << headers[0].value;
    return headers[0].value;
  }
  std::size_t documents() {
    store::DocumentQuery query;
    query.kind = "redaction";
    return store_.list_documents(query)->items.size();
  }

  store::MemoryStore store_{1};
};

TEST_F(RedactionTest, OneKeyServesAllOfAStoreAndOutlivesThem) {
  Redaction one(store_);
  Redaction other(store_);
  const std::string hush = shown(one, "hush");
  EXPECT_EQ(shown(other, "hush"), hush);
  EXPECT_NE(shown(other, "hush!"), hush);
  Redaction later(store_);
  EXPECT_EQ(shown(later, "hush"), hush);
  EXPECT_EQ(documents(), 1u);
}

TEST_F(RedactionTest, NothingIsReadOrMadeBeforeItIsNeeded) {
  Redaction redaction(store_);
  std::vector<Header> headers = {{"x-team", "billing"}};
  redaction.redact(headers, kNow);
  EXPECT_EQ(documents(), 0u);
}

TEST_F(RedactionTest, RequestAndAnswerOfAnAttemptLoseTheirs) {
  Redaction redaction(store_);
  model::AttemptOutcome outcome;
  outcome.sent.headers = {{"Authorization", "hush"}};
  outcome.response = Response{};
  outcome.response->headers = {{"set-cookie", "hush"}};
  redaction.redact(outcome, kNow);
  EXPECT_TRUE(model::is_placeholder(outcome.sent.headers[0].value));
  EXPECT_EQ(outcome.response->headers[0].value, outcome.sent.headers[0].value);
}

TEST_F(RedactionTest, WithoutItsKeyItHidesAllTheSame) {
  testing::CapturedLog log;
  testing::FaultyStore store(store_);
  Redaction redaction(store);
  store.fail_always("*", {.error = {ErrorCode::kUnavailable, "away", {}}});
  EXPECT_EQ(shown(redaction, "hush"), "[redacted]");
  EXPECT_NE(log.text().find("away"), std::string::npos) << log.text();
  store.heal();
  EXPECT_EQ(shown(redaction, "hush", kNow + 9s), "[redacted]");
  EXPECT_NE(shown(redaction, "hush", kNow + 10s), "[redacted]");
}

TEST_F(RedactionTest, AKeyWhoseAnswerWasLostIsUsed) {
  testing::FaultyStore store(store_);
  Redaction redaction(store);
  store.fail_next("put_document",
                  {.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true});
  const std::string hush = shown(redaction, "hush");
  EXPECT_NE(hush, "[redacted]");
  Redaction other(store_);
  EXPECT_EQ(shown(other, "hush"), hush);
}

TEST_F(RedactionTest, WhatIsNoKeyIsNotReplaced) {
  testing::CapturedLog log;
  store::Document document;
  document.key = {"redaction", "", "key"};
  document.data = "short";
  ASSERT_TRUE(store_.put_document(document, store::Nothing{}, kNow));
  Redaction redaction(store_);
  EXPECT_EQ(shown(redaction, "hush"), "[redacted]");
  EXPECT_EQ(store_.get_document(document.key)->data, "short");
}

}  // namespace
}  // namespace rhooks::secrets
