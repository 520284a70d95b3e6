#include "model/document.h"

#include "model/limits.h"
#include "model/refusal.h"
#include "model/rules.h"

namespace rhooks::model {

Result<void> check_kind(const std::string& kind) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (!kind.empty() && kind.size() <= kDocumentKindBytesMax &&
      kind.find_first_not_of(kLetters) == std::string::npos) {
    return {};
  }
  return invalid(
      "kind", "must be 1 to 32 lower-case letters, digits, \"_\" and \"-\", not " + quoted(kind));
}

Result<void> check_document_namespace(const std::string& ns) {
  if (ns.empty()) return {};
  return Name{kNamespaceBytesMax}.check(ns, "namespace");
}

Result<void> check_document_key(const DocumentKey& key) {
  if (auto valid = check_kind(key.kind); !valid) return valid;
  if (auto valid = check_document_namespace(key.ns); !valid) return valid;
  return Name{kIdBytesMax}.check(key.name, "name");
}

Result<void> check_document(const Document& document) {
  if (document.data.size() > kDocumentBytesMax) {
    return invalid("data", past_limit(document.data.size(), kDocumentBytesMax, "bytes"));
  }
  return check_document_key(document.key);
}

}  // namespace rhooks::model
