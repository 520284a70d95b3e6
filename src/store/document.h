#pragma once

#include <rhooks/result.h>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/document.h"

namespace rhooks::store {

using model::Document;
using model::DocumentKey;
using model::Revision;
using model::StoredDocument;

// What a write of a document takes the place of.
struct Whatever {};  // what is there, or nothing
struct Nothing {};   // nothing: there must be no document of that key
using Replaces = std::variant<Whatever, Nothing, Revision>;

// Where a page of documents goes on: after this one.
struct DocumentPosition {
  std::string ns;
  std::string name;

  friend bool operator==(const DocumentPosition&, const DocumentPosition&) = default;
};

// The documents of one kind, ordered by (namespace, name).
struct DocumentQuery {
  std::string kind;
  std::optional<std::string> ns;  // none: of all namespaces, and of none
  std::string name_prefix;        // only with `ns`
  std::size_t limit = 100;
  std::optional<DocumentPosition> after;
};

// As of TaskPage.
struct DocumentPage {
  std::vector<StoredDocument> items;
  std::vector<DocumentKey> damaged;  // their bytes cannot be read; they count as the items do
  std::optional<DocumentPosition> next;
};

// What the stores share.

// Errors: kInvalidArgument.
Result<void> check_query(const DocumentQuery& query);

std::string named_document(const DocumentKey& key);  // "endpoint 'acme' in namespace 'shop'"
Error no_document(const DocumentKey& key);           // kNotFound
// kCorrupt; `why`, if there is one, in brackets.
Error damaged_document(const DocumentKey& key, const std::string& why = {});

// Why a write is refused that is to replace something else than what is there (`found`, none:
// nothing); none: it is not refused. See Store::put_document.
std::optional<Error> why_refused(const DocumentKey& key, const Replaces& replaces,
                                 const std::optional<Revision>& found);

// A page as it fills. It ends at its limit, or once its documents take so many bytes.
class DocumentPageBuilder {
 public:
  DocumentPageBuilder(std::size_t limit, std::size_t bytes_max)
      : limit_(limit), bytes_max_(bytes_max) {}

  bool full() const { return count() >= limit_ || bytes_ >= bytes_max_; }
  // How many documents it may still take, if they are small.
  std::size_t missing() const { return full() ? 0 : limit_ - count(); }
  void add(StoredDocument document);
  void add_damaged(DocumentKey key);
  // `more`: there are others behind it.
  DocumentPage take(bool more);

 private:
  std::size_t count() const { return page_.items.size() + page_.damaged.size(); }
  void note(const DocumentKey& key, std::size_t bytes);

  const std::size_t limit_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  DocumentPage page_;
  DocumentPosition last_;
};

}  // namespace rhooks::store
