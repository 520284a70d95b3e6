// The contract of documents.

#include <algorithm>

#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::seconds;

void link_store_contract_documents() {}

namespace {

Document document(std::string ns, std::string name, std::string data = "data") {
  return {{"kind", std::move(ns), std::move(name)}, std::move(data), {}};
}

// Namespaces and names that a store with composed keys could mix up.
const std::vector<std::string> kLikeNames{"a",
                                          "aa",
                                          "ab",
                                          "a ",
                                          "a#1",
                                          "a/b",
                                          " ",
                                          "%",
                                          "a\xf4\x8f\xbf\xbf",
                                          "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf",
                                          "ü",
                                          "日本",
                                          "😀",
                                          std::string(200, 'x')};

std::vector<DocumentKey> keys_of(const std::vector<StoredDocument>& documents) {
  std::vector<DocumentKey> keys;
  for (const StoredDocument& one : documents) keys.push_back(one.key);
  return keys;
}

}  // namespace

TEST_P(StoreContractTest, ADocumentIsMadeReadReplacedAndRemoved) {
  Document wanted = document("ns", "name", std::string("zero\0byte \xff", 11));
  // The field 1000, a text, as stores write it (codec/tagged.h).
  wanted.newer_fields = "\xc2\x3e\x05newer";
  EXPECT_EQ(store().get_document(wanted.key).error().code, ErrorCode::kNotFound);
  const auto made = store().put_document(wanted, Nothing{}, kT0);
  ASSERT_TRUE(made) << made.error().message;
  auto read = store().get_document(wanted.key);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, (StoredDocument{wanted, *made, kT0}));

  read->data.clear();
  const auto replaced = store().put_document(*read, read->revision, kT0 + seconds{1});
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_NE(*replaced, *made);
  wanted.data.clear();
  EXPECT_EQ(*store().get_document(wanted.key),
            (StoredDocument{wanted, *replaced, kT0 + seconds{1}}));

  wanted.data = "whatever is there";
  const auto forced = store().put_document(wanted, Whatever{}, kT0 + seconds{2});
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ(store().get_document(wanted.key)->revision, *forced);
  EXPECT_TRUE(store().remove_document(wanted.key, *forced));
  EXPECT_EQ(store().get_document(wanted.key).error().code, ErrorCode::kNotFound);

  EXPECT_TRUE(store().put_document(wanted, Whatever{}, kT0));
  EXPECT_TRUE(store().remove_document(wanted.key, {}));
  EXPECT_EQ(store().remove_document(wanted.key, {}).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContractTest, ADocumentIsWrittenOnlyOverWhatWasSeen) {
  const Document first = document("ns", "name", "first");
  const Document second = document("ns", "name", "second");
  const DocumentKey& key = first.key;
  const auto code_of_put = [&](const Replaces& replaces) {
    const auto put = store().put_document(second, replaces, kT0);
    return put ? ErrorCode::kInternal : put.error().code;
  };
  const Revision old = *store().put_document(first, Nothing{}, kT0);
  EXPECT_EQ(code_of_put(Nothing{}), ErrorCode::kConflict);
  const Revision current = *store().put_document(first, old, kT0);
  EXPECT_EQ(code_of_put(old), ErrorCode::kConflict);
  EXPECT_EQ(code_of_put(Revision{1}), ErrorCode::kConflict);
  EXPECT_EQ(store().remove_document(key, old).error().code, ErrorCode::kConflict);
  EXPECT_EQ(*store().get_document(key), (StoredDocument{first, current, kT0}));

  ASSERT_TRUE(store().remove_document(key, current));
  EXPECT_EQ(code_of_put(current), ErrorCode::kNotFound);
  EXPECT_EQ(store().remove_document(key, current).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().get_document(key).error().code, ErrorCode::kNotFound);
  // What is made anew has a revision that nobody holds.
  const Revision anew = *store().put_document(first, Nothing{}, kT0);
  EXPECT_NE(anew, old);
  EXPECT_NE(anew, current);
  EXPECT_EQ(code_of_put(current), ErrorCode::kConflict);
  EXPECT_EQ(store().get_document(key)->data, "first");
}

TEST_P(StoreContractTest, DocumentsOfOtherKindsNamespacesAndNamesAreApart) {
  std::vector<Document> all;
  for (const std::string kind : {"kind", "kind2", "other"}) {
    for (const std::string ns : {"", "n", "name"}) {
      for (const std::string name : {"n", "name"}) all.push_back({{kind, ns, name}, kind + ns, {}});
    }
  }
  for (const Document& one : all) ASSERT_TRUE(store().put_document(one, Nothing{}, kT0));
  for (const Document& one : all) EXPECT_EQ(store().get_document(one.key)->data, one.data);
  ASSERT_TRUE(store().remove_document({"kind", "n", "name"}, {}));
  for (const Document& one : all) {
    EXPECT_EQ(store().get_document(one.key).has_value(),
              one.key != (DocumentKey{"kind", "n", "name"}));
  }
}

TEST_P(StoreContractTest, DocumentsAreListedInTheOrderOfTheirBytes) {
  std::vector<DocumentKey> keys;
  for (const std::string& ns : kLikeNames) {
    if (subject().remote() && keys.size() >= 60) break;
    for (const std::string& name : kLikeNames) keys.push_back({"kind", ns, name});
  }
  for (const std::string& name : kLikeNames) keys.push_back({"kind", "", name});
  for (const DocumentKey& key : keys) {
    ASSERT_TRUE(store().put_document({key, key.name, {}}, Nothing{}, kT0));
  }
  for (const std::string neighbour : {"kin", "kind-", "kind2", "kine"}) {
    ASSERT_TRUE(store().put_document({{neighbour, "a", "a"}, "", {}}, Nothing{}, kT0));
  }
  std::sort(keys.begin(), keys.end());

  const auto expect_listed = [&](DocumentQuery query, const auto& matches) {
    std::vector<DocumentKey> expected;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(expected), matches);
    // Pages that end within, at and behind the last one.
    for (const std::size_t limit : {std::size_t{1}, std::size_t{7}, expected.size(),
                                    expected.size() + 1, std::size_t{1'000}}) {
      if (limit == 0 || (limit == 1 && subject().remote() && expected.size() > 20)) continue;
      query.limit = limit;
      const auto listed = all_documents(store(), query);
      EXPECT_EQ(keys_of(listed), expected) << "limit " << limit;
      for (const StoredDocument& one : listed) EXPECT_EQ(one.data, one.key.name);
    }
  };
  expect_listed({.kind = "kind"}, [](const DocumentKey&) { return true; });
  for (const std::string ns : {"", "a", "aa", "nowhere"}) {
    expect_listed({.kind = "kind", .ns = ns}, [&](const DocumentKey& key) { return key.ns == ns; });
    for (const std::string prefix : {"a", "aa", "a\xf4\x8f\xbf\xbf", "日", "x", "nothing"}) {
      expect_listed({.kind = "kind", .ns = ns, .name_prefix = prefix}, [&](const DocumentKey& key) {
        return key.ns == ns && key.name.starts_with(prefix);
      });
    }
  }
  EXPECT_TRUE(all_documents(store(), {.kind = "nothing"}).empty());
}

TEST_P(StoreContractTest, AListOfDocumentsGoesOnAfterAnyPosition) {
  for (const std::string name : {"b", "d", "f"}) {
    ASSERT_TRUE(store().put_document(document("ns", name), Nothing{}, kT0));
  }
  const auto after = [&](const std::string& ns, const std::string& name) {
    std::string names;
    DocumentQuery query{.kind = "kind", .ns = "ns"};
    query.after = DocumentPosition{ns, name};
    for (const StoredDocument& one : all_documents(store(), query)) names += one.key.name;
    return names;
  };
  EXPECT_EQ(after("ns", "a"), "bdf");
  EXPECT_EQ(after("ns", "b"), "df");
  EXPECT_EQ(after("ns", "c"), "df");
  EXPECT_EQ(after("ns", "f"), "");
  EXPECT_EQ(after("ns", "z"), "");
  EXPECT_EQ(after("n", "z"), "bdf");
  EXPECT_EQ(after("nt", "a"), "");
  const auto exact = store().list_documents({.kind = "kind", .limit = 3});
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->items.size() == 3, !exact->next) << "a store may end a page earlier";
  const auto none = store().list_documents({.kind = "kind", .limit = 0});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->items.empty());
  EXPECT_FALSE(none->next);
}

TEST_P(StoreContractTest, LargeDocumentsEndAPage) {
  constexpr int kMany = 200;  // past 8 MiB
  const int count = subject().remote() ? 20 : kMany;
  const std::string large(model::kDocumentBytesMax, 'x');
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(
        store().put_document(document("ns", std::to_string(1'000 + i), large), Nothing{}, kT0));
  }
  DocumentQuery query{.kind = "kind"};
  query.limit = 1'000;
  const auto page = store().list_documents(query);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_LE(page->items.size() * large.size(), (8u << 20) + large.size());
  EXPECT_EQ(all_documents(store(), query).size(), static_cast<std::size_t>(count));
}

TEST_P(StoreContractTest, DocumentsPastTheirLimitsAreRefused) {
  const auto field_of = [&](const Document& bad) {
    const auto put = store().put_document(bad, Whatever{}, kT0);
    if (put) return std::string("none");
    EXPECT_EQ(put.error().code, ErrorCode::kInvalidArgument);
    return put.error().field;
  };
  EXPECT_EQ(field_of(document("ns", "name", std::string(model::kDocumentBytesMax, '\xff'))),
            "none");
  EXPECT_EQ(field_of(document("ns", "name", std::string(model::kDocumentBytesMax + 1, 'x'))),
            "data");
  EXPECT_EQ(field_of(document("ns", "")), "name");
  EXPECT_EQ(field_of(document("ns", "a\x1f")), "name");
  EXPECT_EQ(field_of(document("a\x1f", "name")), "namespace");
  EXPECT_EQ(field_of({{"Kind", "ns", "name"}, "", {}}), "kind");
  // The longest names.
  Document longest{{std::string(32, 'k'), std::string(256, 'n'), std::string(512, 'i')}, "d", {}};
  EXPECT_EQ(field_of(longest), "none");
  DocumentQuery query{.kind = longest.key.kind, .ns = longest.key.ns};
  EXPECT_EQ(all_documents(store(), query).size(), 1u);
  query.name_prefix = longest.key.name;
  EXPECT_EQ(all_documents(store(), query).size(), 1u);

  EXPECT_EQ(store().get_document({"kind", "ns", ""}).error().field, "name");
  EXPECT_EQ(store().remove_document({"", "ns", "name"}, {}).error().field, "kind");
  EXPECT_EQ(store().list_documents({.kind = ""}).error().field, "kind");
  EXPECT_EQ(store().list_documents({.kind = "kind", .ns = "."}).error().field, "namespace");
  EXPECT_EQ(store().list_documents({.kind = "kind", .name_prefix = "a"}).error().field,
            "name_prefix");
}

TEST_P(StoreContractTest, DocumentsAreNoTasks) {
  const Document mine = document("ns", "id");
  const Document alone = document("documents only", "id");
  ASSERT_TRUE(store().put_document(mine, Nothing{}, kT0));
  ASSERT_TRUE(store().put_document(alone, Nothing{}, kT0));
  put("ns", "id");
  EXPECT_EQ(store().get({"documents only", "id"}, kT0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().namespaces({})->items, std::vector<std::string>{"ns"});
  for (const std::string ns : {"ns", "documents only"}) {
    const std::vector<std::string> expected(ns == "ns" ? 1 : 0, "id");
    TaskQuery query;
    query.ns = ns;
    query.now = kT0;
    EXPECT_EQ(ids(all_tasks(store(), query)), expected);
    query.id_prefix = "";
    EXPECT_EQ(ids(all_tasks(store(), query)), expected);
  }
  EXPECT_EQ(all_due(store(), kT0, kT0 + seconds{10}, 10).size(), 1u);
  EXPECT_EQ(claim_one(kT0).lease.key, (TaskKey{"ns", "id"}));
  EXPECT_EQ(store().clear("documents only", 10), std::size_t{0});
  EXPECT_EQ(store().clear("ns", 10), std::size_t{1});
  EXPECT_EQ(store().clear("ns", 10), std::size_t{0});
  EXPECT_TRUE(store().namespaces({})->items.empty());
  EXPECT_EQ(keys_of(all_documents(store(), {.kind = "kind"})), (std::vector{alone.key, mine.key}));
  put("ns", "id");
  ASSERT_TRUE(store().remove_document(mine.key, {}));
  EXPECT_TRUE(store().get({"ns", "id"}, kT0));
}

TEST_P(StoreContractTest, DocumentsOutliveAReopen) {
  if (!subject().durable()) return;
  const Document kept = document("ns", "kept");
  const Document gone = document("ns", "gone");
  const Revision revision = *store().put_document(kept, Nothing{}, kT0);
  ASSERT_TRUE(store().put_document(gone, Nothing{}, kT0));
  ASSERT_TRUE(store().remove_document(gone.key, {}));
  subject().reopen();
  EXPECT_EQ(all_documents(store(), {.kind = "kind"}),
            std::vector{(StoredDocument{kept, revision, kT0})});
  EXPECT_TRUE(store().put_document(kept, revision, kT0));
}

}  // namespace rhooks::testing
