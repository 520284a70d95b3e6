// Secrets, on a memory store that fails as told and a clock by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rhooks/hooks.h>

#include "hooks/test_hooks.h"
#include "testing/faulty_store.h"

namespace rhooks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kHmac = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kOther = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
constexpr const char* kPair =
    "whsk_6Xb/dCcHpPea21PS1N9VY/"
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr const char* kPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

NewSecret secret_of(SecretType type, const std::string& value, const std::string& name = "acme") {
  NewSecret secret;
  secret.ns = "ns";
  secret.name = name;
  secret.type = type;
  secret.value = value;
  return secret;
}

class HooksSecretsTest : public ::testing::Test {
 protected:
  Secret put(const NewSecret& secret, const std::string& if_revision = {}) {
    const auto done = hooks_.put_secret(secret, if_revision);
    EXPECT_TRUE(done) << done.error().message;
    return done ? done->secret : Secret{};
  }
  static testing::StoreFault lost_answer() {
    return {.error = {ErrorCode::kUnknownOutcome, "lost", {}}, .after_applying = true};
  }

  store::MemoryStore memory_{1};
  testing::FaultyStore* store_ = new testing::FaultyStore(memory_);  // test_ owns it
  TestHooks test_{{}, std::unique_ptr<store::Store>(store_)};
  Hooks& hooks_ = *test_.hooks;
};

TEST_F(HooksSecretsTest, OneIsShownWithoutItsValue) {
  NewSecret given = secret_of(SecretType::kEd25519, kPair);
  given.description = "of the warehouse";
  const auto made = hooks_.put_secret(given);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created);
  EXPECT_EQ(made->secret.type, SecretType::kEd25519);
  EXPECT_EQ(made->secret.description, "of the warehouse");
  EXPECT_EQ(made->secret.public_key, kPublic);
  EXPECT_EQ(made->secret.rotated_at, test_.clock->now());
  EXPECT_EQ(made->secret.created_at, test_.clock->now());
  EXPECT_EQ(hooks_.secret("ns", "acme").value(), made->secret);
  EXPECT_EQ(hooks_.secret("ns", "none").error().code, ErrorCode::kNotFound);
}

TEST_F(HooksSecretsTest, PutReplacesTheValueAndKeepsTheType) {
  const Secret first = put(secret_of(SecretType::kHmac, kHmac));
  test_.clock->advance(1h);
  const auto again = hooks_.put_secret(secret_of(SecretType::kHmac, kOther));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->secret.created_at, first.created_at);
  EXPECT_EQ(again->secret.rotated_at, test_.clock->now());
  EXPECT_EQ(again->secret.previous_until, std::nullopt);
  const auto other = hooks_.put_secret(secret_of(SecretType::kToken, "hush"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_EQ(other.error().field, "type");
  EXPECT_EQ(hooks_.put_secret(secret_of(SecretType::kHmac, kHmac), first.revision).error().code,
            ErrorCode::kConflict);
}

TEST_F(HooksSecretsTest, WhereThereMustBeNoneNothingIsReplaced) {
  const Secret first = put(secret_of(SecretType::kHmac, kHmac), kIfNone);
  const auto second = hooks_.put_secret(secret_of(SecretType::kHmac, kOther), kIfNone);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().field, "revision");
  EXPECT_EQ(hooks_.secret("ns", "acme").value(), first);
}

TEST_F(HooksSecretsTest, WrongOnesAreRefused) {
  const auto field = [&](const NewSecret& secret) {
    const auto done = hooks_.put_secret(secret);
    if (done) return std::string("(taken)");
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(done.error().message, ::testing::Not(HasSubstr("hush")));
    return done.error().field;
  };
  EXPECT_EQ(field(secret_of(SecretType::kHmac, "hush")), "value");
  EXPECT_EQ(field(secret_of(SecretType::kBasic, "hush")), "value");
  EXPECT_EQ(field(secret_of(SecretType::kToken, "hush", "a/b")), "name");
  EXPECT_EQ(hooks_.put_secret(secret_of(SecretType::kToken, "hush"), "1").error().field,
            "revision");
  EXPECT_THAT(hooks_.secrets({"ns", "", 100, ""})->items, IsEmpty());
}

TEST_F(HooksSecretsTest, RotationKeepsTheValueBeforeForAWhile) {
  const Secret first = put(secret_of(SecretType::kEd25519, kPair));
  test_.clock->advance(1h);
  const TimePoint now = test_.clock->now();
  const auto rotated = hooks_.rotate_secret("ns", "acme", {kPair, {}}, first.revision);
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(rotated->previous_until, now + 24h);
  EXPECT_EQ(rotated->previous_public_key, kPublic);
  EXPECT_EQ(rotated->rotated_at, now);
  EXPECT_EQ(rotated->created_at, first.created_at);
  EXPECT_EQ(hooks_.secret("ns", "acme").value(), *rotated);

  EXPECT_EQ(hooks_.rotate_secret("ns", "acme", {kPair, 1h}).error().code, ErrorCode::kConflict);
  // Whoever repeats a call learns that it was carried out.
  const auto repeated = hooks_.rotate_secret("ns", "acme", {kPair, {}}, first.revision);
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().code, ErrorCode::kConflict);
  EXPECT_EQ(repeated.error().field, "revision");
  const auto at_once = hooks_.rotate_secret("ns", "acme", {kPair, 0ms});
  ASSERT_TRUE(at_once) << at_once.error().message;
  EXPECT_EQ(at_once->previous_until, std::nullopt);
  EXPECT_EQ(at_once->previous_public_key, "");

  EXPECT_EQ(hooks_.rotate_secret("ns", "none", {kPair, {}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(hooks_.rotate_secret("ns", "acme", {kHmac, {}}).error().field, "value");
  EXPECT_EQ(hooks_.rotate_secret("ns", "acme", {kPair, 31 * 24h}).error().field, "overlap");
}

TEST_F(HooksSecretsTest, WhatSignsNothingHasNoValueBefore) {
  put(secret_of(SecretType::kToken, "one"));
  const auto rotated = hooks_.rotate_secret("ns", "acme", {"two", {}});
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(rotated->previous_until, std::nullopt);
  EXPECT_EQ(hooks_.rotate_secret("ns", "acme", {"three", 1h}).error().field, "overlap");
}

TEST_F(HooksSecretsTest, AWriteWhoseAnswerIsLostIsFoundOut) {
  store_->fail_next("put_document", lost_answer());
  EXPECT_TRUE(hooks_.put_secret(secret_of(SecretType::kHmac, kHmac))->created);
  store_->fail_next("put_document", lost_answer());
  const auto rotated = hooks_.rotate_secret("ns", "acme", {kOther, 1h});
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(rotated->previous_until, test_.clock->now() + 1h);
  store_->fail_next("remove_document", lost_answer());
  EXPECT_EQ(hooks_.remove_secret("ns", "acme")->name, "acme");
  EXPECT_EQ(hooks_.remove_secret("ns", "acme").error().code, ErrorCode::kNotFound);
}

TEST_F(HooksSecretsTest, OfANamespaceTheyAreShownInPages) {
  for (const char* name : {"b", "a", "c"}) put(secret_of(SecretType::kToken, "hush", name));
  NewSecret elsewhere = secret_of(SecretType::kToken, "hush", "a");
  elsewhere.ns = "other";
  put(elsewhere);
  std::vector<std::string> names;
  SecretsQuery query{"ns", "", 2, ""};
  do {
    const auto page = hooks_.secrets(query);
    ASSERT_TRUE(page) << page.error().message;
    for (const Secret& secret : page->items) names.push_back(secret.name);
    query.start_key = page->last_evaluated_key;
  } while (!query.start_key.empty());
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(hooks_.secrets({"ns", "b", 100, ""})->items.size(), 1u);
  EXPECT_EQ(hooks_.secrets({"ns", "", 0, ""}).error().field, "limit");
}

TEST_F(HooksSecretsTest, WithoutAMasterKeyNoneIsStored) {
  TestHooks keyless({}, nullptr, std::nullopt, false);
  const auto refused = keyless.hooks->put_secret(secret_of(SecretType::kHmac, kHmac));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("openssl rand -base64 32"));
  EXPECT_THAT(keyless.hooks->secrets({"ns", "", 100, ""})->items, IsEmpty());
}

TEST_F(HooksSecretsTest, WhatIsStoredHasNoValueInIt) {
  const std::string canary = "canary-4f1d9c";
  put(secret_of(SecretType::kToken, canary));
  put(secret_of(SecretType::kBasic, "user:" + canary, "basic"));
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  ASSERT_TRUE(hooks_.rotate_secret("ns", "hmac", {kOther, 1h}));
  store::DocumentQuery query;
  query.kind = "secret";
  const auto page = memory_.list_documents(query);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), 3u);
  for (const store::StoredDocument& document : page->items) {
    for (const std::string& part : {canary, std::string("MfKQ9r8GKYqr"), std::string("AAECAwQF")}) {
      EXPECT_EQ(document.data.find(part), std::string::npos) << document.key.name;
    }
  }
  EXPECT_EQ(hooks_.metrics().find(canary), std::string::npos);
}

class EndpointSecretsTest : public HooksSecretsTest {
 protected:
  Endpoint endpoint(const std::string& signing, const std::string& auth = {}) {
    Endpoint endpoint;
    endpoint.ns = "ns";
    endpoint.name = "acme";
    endpoint.url = "http://127.0.0.1:9/in";
    endpoint.signing = signing;
    endpoint.auth = auth;
    return endpoint;
  }
  void put_acme(const std::string& signing, const std::string& auth = {}) {
    const auto done = hooks_.put_endpoint(endpoint(signing, auth));
    ASSERT_TRUE(done) << done.error().message;
  }
  void add(const std::string& id) {
    NewTask task;
    task.ns = "ns";
    task.id = id;
    task.endpoint = "acme";
    task.request.method = Method::kPost;
    const auto added = hooks_.register_task(task);
    ASSERT_TRUE(added) << added.error().message;
  }
  // Attempts what is due, and returns the headers that nobody else is to see, of what was sent.
  std::vector<Header> sent() {
    const std::size_t before = test_.sender->started_count();
    const auto done = hooks_.trigger();
    EXPECT_TRUE(done) << done.error().message;
    std::vector<Header> headers;
    const auto started = test_.sender->started();
    for (std::size_t i = before; i < started.size(); ++i) {
      const auto& more = started[i].secret_headers;
      headers.insert(headers.end(), more.begin(), more.end());
    }
    return headers;
  }
  std::string held_by(const std::string& id) {
    const auto task = hooks_.get({"ns", id});
    return task && task->held ? task->held->by : "";
  }
};

TEST_F(EndpointSecretsTest, NamesWhatIsThereAndFits) {
  const auto refused = [&](const std::string& signing, const std::string& auth) {
    const auto done = hooks_.put_endpoint(endpoint(signing, auth));
    if (done) return std::string("(taken)");
    return std::string(to_string(done.error().code)) + " " + done.error().field;
  };
  EXPECT_EQ(refused("none", ""), "not_found signing");
  EXPECT_EQ(refused("", "none"), "not_found auth");
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  put(secret_of(SecretType::kToken, "hush", "token"));
  EXPECT_EQ(refused("token", ""), "invalid_argument signing");
  EXPECT_EQ(refused("hmac", "hmac"), "invalid_argument auth");
  EXPECT_EQ(refused("hmac", "token"), "(taken)");
}

TEST_F(EndpointSecretsTest, RequestsAreSignedAndShowTheToken) {
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  put(secret_of(SecretType::kToken, "hush", "token"));
  put_acme("hmac", "token");
  add("a");
  const auto headers = sent();
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[0].name, "webhook-signature");
  EXPECT_THAT(headers[0].value, StartsWith("v1,"));
  EXPECT_EQ(headers[1], (Header{"authorization", "Bearer hush"}));
  // What is rotated is used from the next attempt on.
  ASSERT_TRUE(hooks_.rotate_secret("ns", "token", {"hush-2", {}}));
  add("b");
  EXPECT_EQ(sent().at(1), (Header{"authorization", "Bearer hush-2"}));
  const auto logs = hooks_.fetch_logs({.ns = "ns", .task_id = "a"});
  ASSERT_EQ(logs->items.size(), 1u);
  for (const Header& header : logs->items[0].request.headers) {
    EXPECT_EQ(header.value.find("hush"), std::string::npos);
  }
}

TEST_F(EndpointSecretsTest, OneInUseIsNotDeletedUnasked) {
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  put(secret_of(SecretType::kToken, "hush", "token"));
  put_acme("hmac", "token");
  for (const char* name : {"hmac", "token"}) {
    const auto refused = hooks_.remove_secret("ns", name);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    EXPECT_THAT(refused.error().message, HasSubstr("endpoint 'acme' names it"));
  }
  put_acme("hmac");
  EXPECT_TRUE(hooks_.remove_secret("ns", "token"));
  EXPECT_TRUE(hooks_.remove_secret("ns", "hmac", {}, true));
}

TEST_F(EndpointSecretsTest, WithoutItsSecretTasksWait) {
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  put_acme("hmac");
  ASSERT_TRUE(hooks_.remove_secret("ns", "hmac", {}, true));
  add("a");
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(test_.sender->started_count(), 0u) << "it was sent unsigned";
  EXPECT_EQ(held_by("a"), "secret");
  EXPECT_EQ(hooks_.endpoint("ns", "acme")->held->by, "secret");
  EXPECT_EQ(hooks_.get({"ns", "a"})->attempt, 0);
  const auto test = hooks_.test_endpoint("ns", "acme", {});
  ASSERT_FALSE(test);
  EXPECT_EQ(test.error().code, ErrorCode::kConflict);

  // Of another type it is no help.
  put(secret_of(SecretType::kToken, "hush", "hmac"));
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(held_by("a"), "secret");
  ASSERT_TRUE(hooks_.remove_secret("ns", "hmac", {}, true));
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  EXPECT_EQ(sent().size(), 1u);
  EXPECT_EQ(hooks_.get({"ns", "a"})->status, Status::kDone);
  EXPECT_FALSE(hooks_.endpoint("ns", "acme")->held);
}

TEST_F(EndpointSecretsTest, WhileSecretsCannotBeReadNothingIsSent) {
  put(secret_of(SecretType::kHmac, kHmac, "hmac"));
  put_acme("hmac");
  add("a");
  TestHooks next({}, std::make_unique<testing::FaultyStore>(memory_), std::nullopt, false);
  ASSERT_TRUE(next.hooks->trigger());
  EXPECT_EQ(next.sender->started_count(), 0u) << "without a master key it was sent";
  EXPECT_EQ(next.hooks->get({"ns", "a"})->held->by, "secret");
  EXPECT_EQ(sent().size(), 1u);
}

TEST(OptionsSecretsTest, MasterKeysAreReadAtTheOpening) {
  const auto field = [](const auto& set) {
    Options options;
    options.store = "memory:";
    set(options);
    const auto hooks = Hooks::open(options);
    if (hooks) return std::string("(open)");
    EXPECT_EQ(hooks.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(hooks.error().message, StartsWith(hooks.error().field));
    EXPECT_EQ(hooks.error().message.find("hush"), std::string::npos) << hooks.error().message;
    return hooks.error().field;
  };
  EXPECT_EQ(field([](Options& o) { o.secret_keys = TestHooks::kMasterKey; }), "(open)");
  EXPECT_EQ(field([](Options& o) { o.secret_keys = "hush"; }), "secret_keys");
  EXPECT_EQ(field([](Options& o) { o.secret_key_file = "/nowhere/keys"; }), "secret_key_file");
  EXPECT_EQ(field([](Options& o) {
              o.secret_keys = TestHooks::kMasterKey;
              o.secret_key_file = "/nowhere/keys";
            }),
            "secret_key_file");
}

}  // namespace
}  // namespace rhooks
