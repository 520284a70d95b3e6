#include "store/document.h"

#include "model/limits.h"
#include "model/refusal.h"
#include "model/rules.h"

namespace rhooks::store {
namespace {

// What a document takes in a page besides its data and names.
constexpr std::size_t kEnvelopeBytes = 100;

}  // namespace

std::string named_document(const DocumentKey& key) {
  return key.kind + " '" + key.name + "'" +
         (key.ns.empty() ? "" : " in namespace '" + key.ns + "'");
}

Result<void> check_query(const DocumentQuery& query) {
  if (auto valid = model::check_kind(query.kind); !valid) return valid;
  if (auto valid = model::check_document_namespace(query.ns.value_or("")); !valid) return valid;
  if (!query.ns && !query.name_prefix.empty()) {
    return model::invalid("name_prefix", "needs a namespace");
  }
  if (query.after) {
    auto valid = model::check_document_key({query.kind, query.after->ns, query.after->name});
    if (!valid) return valid;
  }
  return model::Text{model::kIdBytesMax}.check(query.name_prefix, "name_prefix");
}

Error no_document(const DocumentKey& key) {
  return {ErrorCode::kNotFound, "there is no " + named_document(key), {}};
}

Error damaged_document(const DocumentKey& key, const std::string& why) {
  return {ErrorCode::kCorrupt,
          named_document(key) + " cannot be read" + (why.empty() ? "" : " (" + why + ")") +
              "; put it anew",
          {}};
}

std::optional<Error> why_refused(const DocumentKey& key, const Replaces& replaces,
                                 const std::optional<Revision>& found) {
  if (std::holds_alternative<Nothing>(replaces) && found) {
    return Error{ErrorCode::kConflict, "there is a " + named_document(key) + " already", {}};
  }
  const auto* const seen = std::get_if<Revision>(&replaces);
  if (seen == nullptr || found == *seen) return std::nullopt;
  if (!found) return no_document(key);
  return Error{ErrorCode::kConflict,
               named_document(key) + " was changed since it was read: its revision is " +
                   to_string(*found) + ", not " + to_string(*seen) + "; read it again",
               "revision"};
}

void DocumentPageBuilder::add(StoredDocument document) {
  note(document.key, document.data.size());
  page_.items.push_back(std::move(document));
}

void DocumentPageBuilder::add_damaged(DocumentKey key) {
  note(key, 0);
  page_.damaged.push_back(std::move(key));
}

void DocumentPageBuilder::note(const DocumentKey& key, std::size_t bytes) {
  bytes_ += bytes + key.ns.size() + key.name.size() + kEnvelopeBytes;
  last_ = {key.ns, key.name};
}

DocumentPage DocumentPageBuilder::take(bool more) {
  if (more && count() > 0) page_.next = std::move(last_);
  return std::move(page_);
}

}  // namespace rhooks::store
