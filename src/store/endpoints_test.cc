#include "store/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "codec/public_json.h"
#include "store/memory/memory_store.h"
#include "testing/captured_log.h"
#include "testing/faulty_store.h"
#include "testing/forwarding_store.h"

namespace rhooks::store {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const TimePoint kNow = from_millis(1'700'000'000'000);

void store_endpoint(Store& store, const std::string& name, const std::string& url,
                    bool paused = false) {
  Endpoint endpoint;
  endpoint.url = url;
  endpoint.paused = paused;
  const Document document{endpoint_key("ns", name), codec::to_stored_json(endpoint), {}};
  ASSERT_TRUE(store.put_document(document, Whatever{}, kNow));
}

class KnownEndpointsTest : public ::testing::Test {
 protected:
  // Its URL, or why there is none.
  std::string found(Endpoints& endpoints, const std::string& name, TimePoint now = kNow) {
    const auto endpoint = endpoints.find("ns", name, now);
    return endpoint ? (*endpoint)->url : endpoint.error().message;
  }
  // Those that hold their tasks.
  static std::vector<std::string> limited(const Endpoints& endpoints,
                                          const std::vector<std::string>& names) {
    const auto limits = endpoints.limits([](const Endpoint&) { return false; });
    if (!limits) return {"nothing is known"};
    std::vector<std::string> told;
    for (const model::LimitsOf& one : *limits) {
      EXPECT_EQ(one.ns, model::namespace_hash("ns"));
      for (const std::string& name : names) {
        if (model::endpoint_hash(name) != one.endpoint) continue;
        EXPECT_EQ(one.limits.unknown, one.limits.address == 0);
        if (!one.limits.paused && !one.limits.unknown) continue;
        told.push_back(one.limits.unknown ? name + " is unknown" : name);
      }
    }
    return told;
  }
  static std::size_t times_in(const std::string& text, const std::string& part) {
    std::size_t times = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++times;
    return times;
  }
  int lists() const { return faulty_.calls("list_documents"); }
  int reads() const { return faulty_.calls("get_document"); }

  MemoryStore memory_{1};
  testing::FaultyStore faulty_{memory_};
  Endpoints own_{faulty_};
  Endpoints shared_{faulty_, 5s};
};

TEST_F(KnownEndpointsTest, ThoseOfAProcessAreReadOnce) {
  for (int i = 0; i < 1'500; ++i) store_endpoint(memory_, "n" + std::to_string(i), "http://a/");
  EXPECT_EQ(found(own_, "n1499"), "http://a/");
  EXPECT_EQ((*own_.find("ns", "n7", kNow))->name, "n7");
  EXPECT_EQ(own_.count(kNow), 1'500u);
  const int pages = lists();
  EXPECT_GE(pages, 2);
  const auto none = own_.find("ns", "none", kNow + 24h);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(none.error().field, "endpoint");
  EXPECT_EQ(none.error().message, "there is no endpoint 'none' in namespace 'ns'; put it first");
  EXPECT_EQ(lists(), pages);
  EXPECT_EQ(reads(), 0);
}

TEST_F(KnownEndpointsTest, TellsWhetherOneHasToBeRead) {
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_FALSE(own_.knows("ns", "acme", kNow));
  EXPECT_EQ(found(own_, "acme"), "http://a/");
  EXPECT_TRUE(own_.knows("ns", "acme", kNow + 24h));
  EXPECT_TRUE(own_.knows("ns", "none", kNow)) << "there is none";

  EXPECT_EQ(found(shared_, "acme"), "http://a/");
  EXPECT_TRUE(shared_.knows("ns", "acme", kNow + 4'999ms));
  EXPECT_FALSE(shared_.knows("ns", "none", kNow)) << "others may have put it";
  EXPECT_FALSE(shared_.knows("ns", "acme", kNow + 5s));
  faulty_.fail_always("list_documents");
  EXPECT_EQ(found(shared_, "acme", kNow + 5s), "http://a/");
  EXPECT_TRUE(shared_.knows("ns", "acme", kNow + 5'999ms)) << "they were tried";
  EXPECT_FALSE(shared_.knows("ns", "acme", kNow + 6s));
}

TEST_F(KnownEndpointsTest, AChangeOfThisProcessIsKnownAtOnce) {
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_EQ(found(own_, "acme"), "http://a/");
  store_endpoint(memory_, "acme", "http://b/");
  ASSERT_TRUE(own_.changed("ns", "acme"));
  EXPECT_EQ(found(own_, "acme"), "http://b/");
  ASSERT_TRUE(memory_.remove_document(endpoint_key("ns", "acme"), std::nullopt));
  ASSERT_TRUE(own_.changed("ns", "acme"));
  EXPECT_THAT(found(own_, "acme"), HasSubstr("there is no endpoint"));
  EXPECT_EQ(own_.count(kNow), 0u);
}

TEST_F(KnownEndpointsTest, AChangeThatCannotBeReadIsReadLater) {
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_EQ(found(own_, "acme"), "http://a/");
  store_endpoint(memory_, "acme", "http://b/");
  faulty_.fail_next("get_document");
  EXPECT_FALSE(own_.changed("ns", "acme"));
  EXPECT_EQ(found(own_, "acme"), "http://b/");
}

TEST_F(KnownEndpointsTest, ChangesOfOthersAreKnownInTime) {
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_EQ(found(shared_, "acme"), "http://a/");
  store_endpoint(memory_, "acme", "http://b/");
  EXPECT_EQ(found(shared_, "acme", kNow + 4'999ms), "http://a/");
  EXPECT_EQ(lists(), 1);
  EXPECT_EQ(found(shared_, "acme", kNow + 5s), "http://b/");
  EXPECT_EQ(lists(), 2);
  store_endpoint(memory_, "acme", "http://c/");
  EXPECT_EQ(found(shared_, "acme", kNow), "http://c/") << "the clock was set back";

  store_endpoint(memory_, "new", "http://d/");
  EXPECT_EQ(found(shared_, "new", kNow), "http://d/") << "what is not known is asked for";
  EXPECT_EQ(lists(), 3);
  EXPECT_THAT(found(shared_, "none", kNow), HasSubstr("there is no endpoint"));
}

TEST_F(KnownEndpointsTest, WhatIsKnownIsUsedWhileTheStoreFails) {
  store_endpoint(memory_, "acme", "http://a/");
  store_endpoint(memory_, "other", "http://b/");
  faulty_.fail_always("list_documents");
  EXPECT_EQ(found(own_, "acme"), "http://a/") << "read by itself";
  EXPECT_EQ(lists(), 1);
  faulty_.fail_always("*");
  EXPECT_EQ(found(own_, "acme", kNow + 1s), "http://a/");
  EXPECT_EQ(lists(), 2) << "tried again after a second";
  const auto unknown = own_.find("ns", "other", kNow + 1s);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnavailable);
  faulty_.heal();
  EXPECT_EQ(found(own_, "other", kNow + 2s), "http://b/");
  EXPECT_EQ(own_.count(kNow + 2s), 2u);
}

TEST_F(KnownEndpointsTest, TellsWhyTheyCouldNotBeReadSoFar) {
  faulty_.fail_always("list_documents", {.error = {ErrorCode::kUnavailable, "permit it", {}}});
  const auto known = shared_.refresh_if_old(kNow);
  ASSERT_FALSE(known);
  EXPECT_EQ(known.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(known.error().message, "endpoints cannot be read: permit it");
  EXPECT_FALSE(shared_.refresh_if_old(kNow + 999ms));
  EXPECT_EQ(lists(), 1);
  faulty_.heal();
  EXPECT_TRUE(shared_.refresh_if_old(kNow + 1s));
  faulty_.fail_always("list_documents");
  EXPECT_TRUE(shared_.refresh_if_old(kNow + 6s)) << "what is known is used on";
  EXPECT_EQ(lists(), 3);
}

TEST_F(KnownEndpointsTest, AListThatFailsOnIsLoggedNowAndThen) {
  faulty_.fail_always("list_documents");
  testing::CapturedLog log;
  for (int i = 0; i < 25; ++i) EXPECT_FALSE(shared_.refresh_if_old(kNow + i * 1s));
  EXPECT_EQ(lists(), 25);
  const std::string text = log.text();
  EXPECT_EQ(times_in(text, "endpoints cannot be read"), 3u) << text;
}

TEST_F(KnownEndpointsTest, TheirAgeIsThatOfWhatWasUsed) {
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_EQ(shared_.age(kNow), 0ms);
  EXPECT_EQ(found(shared_, "acme"), "http://a/");
  EXPECT_EQ(shared_.age(kNow + 30s), 0ms) << "it was new when it was used";
  EXPECT_EQ(found(shared_, "acme", kNow + 4s), "http://a/");
  EXPECT_EQ(shared_.age(kNow + 4s), 4s);

  faulty_.fail_always("list_documents");
  EXPECT_EQ(found(shared_, "acme", kNow + 90s), "http://a/");
  EXPECT_EQ(shared_.age(kNow + 90s), 90s);
  ASSERT_TRUE(shared_.changed("ns", "acme"));
  EXPECT_EQ(shared_.age(kNow + 149s), 90s);
  EXPECT_EQ(shared_.age(kNow + 150s), 0ms) << "nobody uses it any more";
  Endpoints never_read(faulty_, 5s);
  EXPECT_EQ(found(never_read, "acme"), "http://a/");
  EXPECT_EQ(found(never_read, "acme", kNow + 9s), "http://a/");
  EXPECT_EQ(never_read.age(kNow + 9s), 9s);
  EXPECT_EQ(found(own_, "acme"), "http://a/");
  EXPECT_EQ(found(own_, "acme", kNow + 90s), "http://a/");
  EXPECT_EQ(own_.age(kNow + 90s), 0ms) << "nobody else changes it";

  faulty_.heal();
  EXPECT_EQ(found(shared_, "acme", kNow + 91s), "http://a/");
  EXPECT_EQ(shared_.age(kNow + 91s), 0ms);
}

TEST_F(KnownEndpointsTest, OneThatCannotBeReadIsInNobodysWay) {
  store_endpoint(memory_, "acme", "http://a/");
  ASSERT_TRUE(memory_.put_document({endpoint_key("ns", "odd"), "{", {}}, Whatever{}, kNow));
  EXPECT_EQ(found(own_, "acme"), "http://a/");
  const auto odd = own_.find("ns", "odd", kNow);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(odd.error().message, HasSubstr("endpoint 'odd' in namespace 'ns' cannot be read"));
  EXPECT_THAT(odd.error().message, HasSubstr("put it anew"));
  store_endpoint(memory_, "odd", "http://b/");
  ASSERT_TRUE(own_.changed("ns", "odd"));
  EXPECT_EQ(found(own_, "odd"), "http://b/");
}

TEST_F(KnownEndpointsTest, TellsWhichArePausedOnceItHasReadThem) {
  const std::vector<std::string> names{"a", "b", "c"};
  using Names = std::vector<std::string>;
  store_endpoint(memory_, "a", "http://a/", true);
  store_endpoint(memory_, "b", "http://b/");
  ASSERT_TRUE(memory_.put_document({endpoint_key("ns", "c"), "{", {}}, Whatever{}, kNow));
  EXPECT_EQ(limited(own_, names), Names{"nothing is known"});
  own_.refresh_if_old(kNow);
  EXPECT_EQ(limited(own_, names), (Names{"a", "c is unknown"}));

  const auto version = own_.version();
  store_endpoint(memory_, "b", "http://b/", true);
  ASSERT_TRUE(own_.changed("ns", "b"));
  EXPECT_NE(own_.version(), version);
  EXPECT_EQ(limited(own_, names), (Names{"a", "b", "c is unknown"}));
  ASSERT_TRUE(memory_.remove_document(endpoint_key("ns", "a"), std::nullopt));
  ASSERT_TRUE(own_.changed("ns", "a"));
  store_endpoint(memory_, "c", "http://c/");
  ASSERT_TRUE(own_.changed("ns", "c"));
  EXPECT_EQ(limited(own_, names), Names{"b"});
}

TEST_F(KnownEndpointsTest, TellsOfAllWhereTheyAre) {
  const auto address = [&] {
    const auto limits = shared_.limits([](const Endpoint&) { return false; });
    return limits && limits->size() == 1 ? limits->front().limits.address : 0;
  };
  store_endpoint(memory_, "a", "http://a/");
  shared_.refresh_if_old(kNow);
  const std::uint64_t before = address();
  EXPECT_NE(before, 0u);
  store_endpoint(memory_, "a", "http://b/");  // by another process
  shared_.refresh_if_old(kNow + 5s);
  EXPECT_NE(address(), before);
  EXPECT_NE(address(), 0u);
}

TEST_F(KnownEndpointsTest, APauseThatCannotBeReadIsKnownWithTheNextList) {
  using Names = std::vector<std::string>;
  store_endpoint(memory_, "a", "http://a/");
  own_.refresh_if_old(kNow);
  store_endpoint(memory_, "a", "http://a/", true);
  faulty_.fail_always("*");
  const auto changed = own_.changed("ns", "a");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kUnavailable);
  own_.refresh_if_old(kNow + 1s);
  EXPECT_EQ(limited(own_, {"a"}), Names{});
  faulty_.heal();
  const auto version = own_.version();
  own_.refresh_if_old(kNow + 2s);
  EXPECT_EQ(limited(own_, {"a"}), Names{"a"});
  EXPECT_NE(own_.version(), version);
}

// One of its documents has bytes that cannot be read.
class DamagedStore final : public testing::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

 private:
  Result<StoredDocument> do_get_document(const DocumentKey& key) override {
    if (key.name == "damaged") return fail(ErrorCode::kCorrupt, "damaged");
    return ForwardingStore::do_get_document(key);
  }
  Result<DocumentPage> do_list_documents(const DocumentQuery& query) override {
    auto page = ForwardingStore::do_list_documents(query);
    page->damaged.push_back(endpoint_key("ns", "damaged"));
    return page;
  }
};

TEST_F(KnownEndpointsTest, ADamagedOneDoesNotHideWhatBecomesOfOthers) {
  using Names = std::vector<std::string>;
  DamagedStore damaged(memory_);
  Endpoints endpoints(damaged, 5s);
  store_endpoint(memory_, "a", "http://a/", true);
  store_endpoint(memory_, "b", "http://b/");
  endpoints.refresh_if_old(kNow);
  EXPECT_EQ(limited(endpoints, {"a", "b"}), Names{"a"});
  EXPECT_EQ(endpoints.find("ns", "damaged", kNow).error().code, ErrorCode::kCorrupt);
  store_endpoint(memory_, "a", "http://a/");
  store_endpoint(memory_, "b", "http://c/", true);
  EXPECT_EQ(found(endpoints, "b", kNow + 5s), "http://c/");
  EXPECT_EQ(limited(endpoints, {"a", "b"}), Names{"b"});
  ASSERT_TRUE(endpoints.changed("ns", "damaged"));
  EXPECT_EQ(endpoints.find("ns", "damaged", kNow + 5s).error().code, ErrorCode::kCorrupt);
}

TEST_F(KnownEndpointsTest, ADamagedOneIsLoggedOnce) {
  DamagedStore damaged(memory_);
  Endpoints endpoints(damaged, 5s);
  const auto damage = [&](const std::string& name) {
    ASSERT_TRUE(memory_.put_document({endpoint_key("ns", name), "{", {}}, Whatever{}, kNow));
  };
  damage("odd");
  store_endpoint(memory_, "later", "http://a/");
  testing::CapturedLog log;
  for (int i = 0; i < 3; ++i) endpoints.refresh_if_old(kNow + i * 5s);
  EXPECT_FALSE(endpoints.find("ns", "odd", kNow + 10s));
  damage("later");
  ASSERT_TRUE(endpoints.changed("ns", "later"));
  endpoints.refresh_if_old(kNow + 15s);
  std::string text = log.text();
  for (const char* name : {"damaged", "odd", "later"}) {
    EXPECT_EQ(times_in(text, "endpoint '" + std::string(name) + "' in namespace 'ns'"), 1u) << text;
  }

  for (int i = 0; i < 100; ++i) damage("many" + std::to_string(i));
  testing::CapturedLog log_of_many;
  endpoints.refresh_if_old(kNow + 20s);
  text = log_of_many.text();
  EXPECT_EQ(times_in(text, "an endpoint cannot be read"), 10u) << text;
}

// Does something before the answer of the next list or read comes back.
class OvertakenStore final : public testing::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  std::function<void()> meanwhile;

 private:
  Result<StoredDocument> do_get_document(const DocumentKey& key) override {
    return after(ForwardingStore::do_get_document(key));
  }
  Result<DocumentPage> do_list_documents(const DocumentQuery& query) override {
    return after(ForwardingStore::do_list_documents(query));
  }
  template <typename Answer>
  Answer after(Answer answer) {
    if (const auto act = std::exchange(meanwhile, nullptr)) act();
    return answer;
  }
};

// Of several that come at once one lists all, but where nobody did for an hour.
TEST_F(KnownEndpointsTest, NobodyGoesByWhatIsLongOldWhileAllAreListed) {
  OvertakenStore store(faulty_);
  Endpoints endpoints(store, 5s);
  store_endpoint(memory_, "acme", "http://a/");
  EXPECT_EQ(found(endpoints, "acme"), "http://a/");
  store_endpoint(memory_, "acme", "http://b/");
  std::string other;
  store.meanwhile = [&] { other = found(endpoints, "acme", kNow + 5s); };
  EXPECT_EQ(found(endpoints, "acme", kNow + 5s), "http://b/");
  EXPECT_EQ(other, "http://a/") << "it was new until then";
  EXPECT_EQ(reads(), 0);

  store_endpoint(memory_, "acme", "http://c/");
  store.meanwhile = [&] { other = found(endpoints, "acme", kNow + 1h); };
  EXPECT_EQ(found(endpoints, "acme", kNow + 1h), "http://c/");
  EXPECT_EQ(other, "http://c/");
  EXPECT_EQ(reads(), 0);
  EXPECT_EQ(lists(), 4) << "each lists them";

  store_endpoint(memory_, "acme", "http://d/");
  store.meanwhile = [&] {
    faulty_.fail_always("*");
    other = found(endpoints, "acme", kNow + 2h);
  };
  EXPECT_EQ(found(endpoints, "acme", kNow + 2h), "http://d/");
  EXPECT_EQ(other, "http://c/") << "it is all that is known";
}

TEST_F(KnownEndpointsTest, AnAnswerThatWasOvertakenIsNotUsed) {
  OvertakenStore store(memory_);
  Endpoints endpoints(store);
  store_endpoint(memory_, "acme", "http://a/");
  const auto change_to = [&](const std::string& url) {
    return [&memory = memory_, &endpoints, url] {
      store_endpoint(memory, "acme", url);
      EXPECT_TRUE(endpoints.changed("ns", "acme"));
    };
  };
  store.meanwhile = change_to("http://b/");
  EXPECT_EQ(found(endpoints, "acme"), "http://b/") << "a list";
  store_endpoint(memory_, "acme", "http://c/");
  store.meanwhile = change_to("http://d/");
  ASSERT_TRUE(endpoints.changed("ns", "acme"));
  EXPECT_EQ(found(endpoints, "acme"), "http://d/") << "a read";
}

}  // namespace
}  // namespace rhooks::store
