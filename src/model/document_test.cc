#include "model/document.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace rhooks::model {
namespace {

std::string refused_field(const Document& document) {
  const auto valid = check_document(document);
  if (valid) return "none";
  EXPECT_EQ(valid.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(valid.error().message.starts_with(valid.error().field + ": "));
  return valid.error().field;
}

Document made(std::string kind, std::string ns, std::string name, std::size_t bytes = 1) {
  return {{std::move(kind), std::move(ns), std::move(name)}, std::string(bytes, '\0'), {}};
}

TEST(DocumentTest, TakesWhatIsWithinItsLimits) {
  EXPECT_EQ(refused_field(made("endpoint", "ns", "name")), "none");
  EXPECT_EQ(refused_field(made("a-b_9", "", "ü/#?", 0)), "none");
  EXPECT_EQ(refused_field(made(std::string(kDocumentKindBytesMax, 'k'),
                               std::string(kNamespaceBytesMax, 'n'), std::string(kIdBytesMax, 'i'),
                               kDocumentBytesMax)),
            "none");
}

TEST(DocumentTest, RefusesWhatIsNot) {
  for (const std::string kind : {"", "Endpoint", "a b", "\xc3\xbc", "a\x1f", "a/b"}) {
    EXPECT_EQ(refused_field(made(kind, "ns", "name")), "kind") << kind;
  }
  EXPECT_EQ(refused_field(made(std::string(kDocumentKindBytesMax + 1, 'k'), "", "name")), "kind");
  for (const std::string bad : {"a\x1f", "\xff", "..", "."}) {
    EXPECT_EQ(refused_field(made("k", bad, "name")), "namespace") << bad;
    EXPECT_EQ(refused_field(made("k", "", bad)), "name") << bad;
  }
  EXPECT_EQ(refused_field(made("k", std::string(kNamespaceBytesMax + 1, 'n'), "name")),
            "namespace");
  EXPECT_EQ(refused_field(made("k", "", "")), "name");
  EXPECT_EQ(refused_field(made("k", "", std::string(kIdBytesMax + 1, 'i'))), "name");
  EXPECT_EQ(refused_field(made("k", "", "name", kDocumentBytesMax + 1)), "data");
}

TEST(DocumentTest, KeysSortByKindNamespaceAndName) {
  EXPECT_LT((DocumentKey{"a", "b", "c"}), (DocumentKey{"a", "b", "d"}));
  EXPECT_LT((DocumentKey{"a", "", "z"}), (DocumentKey{"a", "b", "a"}));
  EXPECT_LT((DocumentKey{"a", "z", "z"}), (DocumentKey{"b", "", "a"}));
  EXPECT_LT((DocumentKey{"a", "b", "z"}), (DocumentKey{"a", "b\xf4\x8f\xbf\xbf", "a"}));
}

}  // namespace
}  // namespace rhooks::model
