#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <compare>
#include <cstddef>
#include <string>

#include "base/uuid.h"

namespace rhooks::model {

inline constexpr std::size_t kDocumentKindBytesMax = 32;
inline constexpr std::size_t kDocumentBytesMax = 64 * 1024;

// Names a document. They sort by kind, namespace and name, each by its bytes.
struct DocumentKey {
  std::string kind;  // fixed by code: 1 to 32 of a-z, 0-9, "_" and "-"
  std::string ns;    // as of tasks; empty: it belongs to no namespace
  std::string name;  // as an id of a task

  friend bool operator==(const DocumentKey&, const DocumentKey&) = default;
  friend auto operator<=>(const DocumentKey&, const DocumentKey&) = default;
};

// A small record that is no task: a setting, a secret, what a user has set up. What its bytes mean
// is said by those who use its kind.
struct Document {
  DocumentKey key;
  std::string data;  // at most kDocumentBytesMax
  // What a newer version stored beside the data: comes with what was read, and is written again.
  std::string newer_fields;

  friend bool operator==(const Document&, const Document&) = default;
};

// Names one write of one document, for ever: no other write has it, of no document, nor of one that
// was made anew where this one was removed. So whoever holds an old one cannot take what is there
// now for what it has read.
using Revision = Uuid;

struct StoredDocument : Document {
  Revision revision{};
  TimePoint updated_at{};

  friend bool operator==(const StoredDocument&, const StoredDocument&) = default;
};

// Errors: kInvalidArgument, with the field "kind", "namespace", "name" or "data".
Result<void> check_kind(const std::string& kind);
Result<void> check_document_namespace(const std::string& ns);
Result<void> check_document_key(const DocumentKey& key);
Result<void> check_document(const Document& document);

}  // namespace rhooks::model
