// API keys, on a memory store that fails as told and a clock by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include <algorithm>

#include "hooks/test_hooks.h"
#include "testing/faulty_store.h"

namespace rhooks {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

ApiKeySpec key_of(Role role, std::vector<std::string> namespaces = {"*"}) {
  return {.role = role, .namespaces = std::move(namespaces), .description = "of a test"};
}

class HooksApiKeysTest : public ::testing::Test {
 protected:
  static CreatedApiKey create(Hooks& hooks, const ApiKeySpec& key) {
    auto created = hooks.create_api_key(key);
    EXPECT_TRUE(created) << created.error().message;
    return created.value_or(CreatedApiKey{});
  }
  CreatedApiKey create(const ApiKeySpec& key) { return create(hooks_, key); }
  static SentApiKey sent(Hooks& hooks, const std::string& text) {
    auto found = hooks.find_api_key(text);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(SentApiKey{});
  }
  SentApiKey sent(const std::string& text) { return sent(hooks_, text); }
  static testing::StoreFault lost_answer() {
    return {.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true};
  }

  store::MemoryStore memory_{1};
  testing::FaultyStore* store_ = new testing::FaultyStore(memory_);  // test_ owns it
  TestHooks test_{{}, std::unique_ptr<store::Store>(store_)};
  Hooks& hooks_ = *test_.hooks;
};

TEST_F(HooksApiKeysTest, OneIsToldOnceAndKnownByIt) {
  EXPECT_FALSE(sent("").any);
  const CreatedApiKey made = create(key_of(Role::kWrite, {"shop", "test-*"}));
  EXPECT_THAT(made.key, SizeIs(60));
  EXPECT_THAT(made.key, StartsWith("rhk_" + made.id + "_"));
  EXPECT_EQ(made.created_at, test_.clock->now());
  EXPECT_FALSE(made.revision.empty());

  const ApiKey shown = hooks_.api_key(made.id).value();
  EXPECT_EQ(shown, static_cast<const ApiKey&>(made));
  const auto page = hooks_.api_keys({});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->items, std::vector<ApiKey>{shown});

  const SentApiKey found = sent(made.key);
  EXPECT_TRUE(found.any);
  ASSERT_TRUE(found.key);
  EXPECT_EQ(*found.key, shown);
  EXPECT_FALSE(found.expired);
}

TEST_F(HooksApiKeysTest, WhatIsStoredDoesNotOpen) {
  const CreatedApiKey made = create(key_of(Role::kAdmin));
  const auto document = memory_.get_document({"key", "", made.id});
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_THAT(document->data, Not(HasSubstr(made.key.substr(17))));
  EXPECT_THAT(document->data, Not(HasSubstr(made.key.substr(17, 20))));
}

TEST_F(HooksApiKeysTest, AnotherKeyOpensNothing) {
  const CreatedApiKey one = create(key_of(Role::kRead));
  const CreatedApiKey other = create(key_of(Role::kRead));
  EXPECT_NE(one.id, other.id);
  EXPECT_NE(one.key.substr(17), other.key.substr(17));
  for (const std::string& text :
       {std::string(), std::string("x"), one.id, one.key + "A", one.key.substr(0, 59),
        "rhk_" + one.id + other.key.substr(16), "rhk_" + other.id + one.key.substr(16),
        "rhk_" + one.id + "_" + std::string(43, 'A'), "rhk_aaaaaaaaaaaa" + one.key.substr(16)}) {
    const SentApiKey found = sent(text);
    EXPECT_TRUE(found.any);
    EXPECT_FALSE(found.key) << text;
  }
}

// Who makes keys up must not be able to have the store asked.
TEST_F(HooksApiKeysTest, WrongKeysAskTheStoreForNothing) {
  create(key_of(Role::kRead));
  sent("");
  store_->fail_always("*");
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(sent("rhk_aaaaaaaaaa" + std::string(1, "abcdefghij"[i % 10]) +
                      std::string(1, "abcdefghij"[i / 10]) + "_" + std::string(43, 'A'))
                     .key);
  }
  const auto known = hooks_.known_api_key("rhk_");
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->any);
}

TEST_F(HooksApiKeysTest, AChangeHoldsAtOnceAndARevocationToo) {
  const CreatedApiKey made = create(key_of(Role::kRead));
  const auto changed = hooks_.change_api_key(made.id, key_of(Role::kAdmin, {"shop"}));
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->role, Role::kAdmin);
  EXPECT_EQ(changed->created_at, made.created_at);
  EXPECT_NE(changed->revision, made.revision);
  EXPECT_EQ(*sent(made.key).key, *changed);

  const auto overtaken = hooks_.change_api_key(made.id, key_of(Role::kRead), made.revision);
  ASSERT_FALSE(overtaken);
  EXPECT_EQ(overtaken.error().code, ErrorCode::kConflict);
  EXPECT_EQ(overtaken.error().field, "revision");
  EXPECT_EQ(hooks_.revoke_api_key(made.id, made.revision).error().code, ErrorCode::kConflict);

  const auto revoked = hooks_.revoke_api_key(made.id);
  ASSERT_TRUE(revoked) << revoked.error().message;
  EXPECT_EQ(*revoked, *changed);
  EXPECT_FALSE(sent(made.key).key);
  EXPECT_FALSE(sent(made.key).any);
  EXPECT_EQ(hooks_.revoke_api_key(made.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(hooks_.api_key(made.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(hooks_.change_api_key(made.id, key_of(Role::kRead)).error().code, ErrorCode::kNotFound);
}

TEST_F(HooksApiKeysTest, OneEndsOnItsTime) {
  ApiKeySpec key = key_of(Role::kRead);
  key.expires_at = test_.clock->now() + 1h;
  const CreatedApiKey made = create(key);
  EXPECT_FALSE(sent(made.key).expired);
  test_.clock->advance(1h - 1ms);
  EXPECT_FALSE(sent(made.key).expired);
  test_.clock->advance(1ms);
  EXPECT_TRUE(sent(made.key).expired);
  EXPECT_TRUE(sent(made.key).any) << "it is there until it is revoked";
  EXPECT_EQ(hooks_.create_api_key(key).error().field, "expiresAt");
}

TEST_F(HooksApiKeysTest, AnotherProcessKnowsWithin5Seconds) {
  TestHooks other({}, std::make_unique<testing::FaultyStore>(memory_), 5s);
  EXPECT_FALSE(sent(*other.hooks, "").any);
  const CreatedApiKey made = create(key_of(Role::kRead));
  other.clock->advance(5s);
  EXPECT_FALSE(other.hooks->known_api_key(made.key)) << "it goes by what is too old";
  EXPECT_TRUE(sent(*other.hooks, made.key).key);
  ASSERT_TRUE(other.hooks->known_api_key(made.key));
  ASSERT_TRUE(hooks_.revoke_api_key(made.id));
  other.clock->advance(5s);
  EXPECT_FALSE(sent(*other.hooks, made.key).key);
}

TEST_F(HooksApiKeysTest, WhileTheyCannotBeReadWhatIsKnownHolds) {
  const CreatedApiKey made = create(key_of(Role::kRead));
  auto* const away = new testing::FaultyStore(memory_);  // other owns it
  TestHooks other({}, std::unique_ptr<store::Store>(away), 5s);
  away->fail_always("*");
  EXPECT_EQ(other.hooks->find_api_key(made.key).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(other.hooks->known_api_key(made.key));
  away->heal();
  other.clock->advance(1s);
  EXPECT_TRUE(sent(*other.hooks, made.key).key);
  away->fail_always("*");
  other.clock->advance(1h);
  EXPECT_TRUE(sent(*other.hooks, made.key).key);
}

TEST_F(HooksApiKeysTest, AnAnswerThatIsLostMakesNoSecondOne) {
  store_->fail_next("put_document", lost_answer());
  const CreatedApiKey made = create(key_of(Role::kRead));
  EXPECT_TRUE(sent(made.key).key);
  EXPECT_EQ(hooks_.api_keys({})->items.size(), 1u);
  store_->fail_next("remove_document", lost_answer());
  ASSERT_TRUE(hooks_.revoke_api_key(made.id));
  EXPECT_FALSE(sent(made.key).key);
}

TEST_F(HooksApiKeysTest, OneThatCannotBeReadOpensNothingAndCounts) {
  ASSERT_TRUE(memory_.put_document({{"key", "", "aaaaaaaaaaaa"}, "x", {}}, store::Whatever{},
                                   test_.clock->now()));
  const SentApiKey found = sent("rhk_aaaaaaaaaaaa_" + std::string(43, 'A'));
  EXPECT_FALSE(found.key);
  EXPECT_TRUE(found.any) << "a damaged key opened everything to everyone";
  EXPECT_EQ(hooks_.api_key("aaaaaaaaaaaa").error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(hooks_.revoke_api_key("aaaaaaaaaaaa"));
  EXPECT_FALSE(sent("").any);
}

TEST_F(HooksApiKeysTest, PagesGoOnWhereTheyEnded) {
  for (int i = 0; i < 5; ++i) create(key_of(Role::kRead));
  std::vector<std::string> ids;
  ApiKeysQuery query{.limit = 2};
  do {
    const auto page = hooks_.api_keys(query);
    ASSERT_TRUE(page) << page.error().message;
    for (const ApiKey& key : page->items) ids.push_back(key.id);
    query.start_key = page->last_evaluated_key;
  } while (!query.start_key.empty());
  EXPECT_THAT(ids, SizeIs(5));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  query.start_key = "x";
  EXPECT_EQ(hooks_.api_keys(query).error().field, "startKey");
  EXPECT_EQ(hooks_.api_keys({.limit = 1001}).error().field, "limit");
}

TEST_F(HooksApiKeysTest, WrongOnesAreRefused) {
  EXPECT_EQ(hooks_.create_api_key({.role = Role::kRead}).error().field, "namespaces");
  EXPECT_EQ(hooks_.api_key("x").error().field, "id");
  EXPECT_EQ(hooks_.revoke_api_key("../x").error().field, "id");
  EXPECT_EQ(hooks_.change_api_key("", key_of(Role::kRead)).error().field, "id");
}

}  // namespace
}  // namespace rhooks
