#pragma once

#include <rhooks/result.h>

#include <optional>
#include <string>
#include <utility>

#include "store/store.h"

namespace rhooks {

// A document as a call finds it that is to write it.
struct Looked {
  std::optional<store::StoredDocument> document;
  bool damaged = false;  // there is one, whose bytes cannot be read

  bool is_there() const { return document || damaged; }
  // What a write takes the place of.
  store::Replaces replaces() const {
    if (document) return document->revision;
    if (damaged) return store::Whatever{};
    return store::Nothing{};
  }
  // Of one that cannot be read nothing is kept.
  std::string newer_fields() const { return document ? document->newer_fields : std::string(); }
};

// Errors: those of the store.
inline Result<Looked> look(store::Store& store, const store::DocumentKey& key) {
  auto found = store.get_document(key);
  if (found) return Looked{std::move(*found)};
  if (found.error().code == ErrorCode::kNotFound) return Looked{};
  if (found.error().code == ErrorCode::kCorrupt) return Looked{{}, true};
  return fail(std::move(found.error()));
}

}  // namespace rhooks
