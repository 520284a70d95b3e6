#include "hooks/document_writer.h"

#include <rhooks/endpoint.h>

#include <utility>
#include <variant>

#include "model/new_task.h"
#include "model/refusal.h"
#include "model/rules.h"

namespace rhooks {
namespace {

// More changes in between than these are no chance.
constexpr int kWriteTriesMax = 5;

Error changed_all_the_time(const store::DocumentKey& key) {
  return {ErrorCode::kUnavailable,
          store::named_document(key) + " is being changed all the time; try again",
          {}};
}

Error there_already(const store::DocumentKey& key) {
  return {
      ErrorCode::kConflict,
      store::named_document(key) + " is there already; to replace it, name its revision, or none",
      "revision"};
}

// Of what was found, whether a write of `only` would be refused; of what cannot be read the store
// alone knows the revision.
std::optional<Error> why_refused(const store::DocumentKey& key, const store::Replaces& only,
                                 const Looked& found) {
  if (std::holds_alternative<store::Nothing>(only) && found.is_there()) return there_already(key);
  if (found.damaged) return std::nullopt;
  return store::why_refused(
      key, only, found.document ? std::optional(found.document->revision) : std::nullopt);
}

bool is_overtaken(const Error& error) {
  return error.code == ErrorCode::kConflict || error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<void> validate_names(const std::string& ns, const std::string& name) {
  if (auto valid = model::validate_namespace(ns); !valid) return valid;
  return model::EndpointName{}.check(name, "name");
}

Result<std::optional<store::Revision>> read_revision(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (const auto revision = parse_uuid(text)) return revision;
  return model::invalid("revision",
                        "must be a `revision` that was read, not " + model::quoted(text));
}

Result<store::Replaces> read_replaces(const std::string& text) {
  if (text == kIfNone) return store::Nothing{};
  const auto revision = read_revision(text);
  if (!revision) return fail(revision.error());
  return *revision ? store::Replaces(**revision) : store::Whatever{};
}

Result<void> DocumentWriter::note_change(const store::DocumentKey& key) {
  const auto known = changed_(key);
  if (known) return {};
  return fail(ErrorCode::kUnknownOutcome, store::named_document(key) +
                                              " was changed, and cannot be read since (" +
                                              known.error().message + "); try again");
}

Result<DocumentWriter::Written> DocumentWriter::put(const store::Document& document,
                                                    const store::Replaces& replaces, TimePoint at) {
  auto put = store_.put_document(document, replaces, at);
  if (auto known = note_change(document.key); put && !known) return fail(std::move(known.error()));
  if (!put) return fail(std::move(put.error()));
  store::StoredDocument stored;
  static_cast<store::Document&>(stored) = document;
  stored.revision = *put;
  stored.updated_at = at;
  return Written{std::move(stored), std::holds_alternative<store::Nothing>(replaces)};
}

Result<DocumentWriter::Written> DocumentWriter::write(const store::DocumentKey& key,
                                                      const store::Replaces& only,
                                                      const Edit& edit) {
  const bool only_revision = std::holds_alternative<store::Revision>(only);
  store::Document document;
  store::Replaces replaces;
  std::optional<Error> unsure;  // of a try that may have been carried out
  const auto give_up = [&](const Error& error) { return fail(unsure.value_or(error)); };
  // That of such a try.
  const auto is_ours = [&](const store::StoredDocument& found) {
    const auto* const before = std::get_if<store::Revision>(&replaces);
    return found.data == document.data && !(before && *before == found.revision);
  };
  for (int tries = 0; tries < kWriteTriesMax; ++tries) {
    const auto found = look(store_, key);
    if (!found) return give_up(found.error());
    if (unsure && found->document && is_ours(*found->document)) {
      if (!note_change(key)) continue;
      return Written{*found->document, std::holds_alternative<store::Nothing>(replaces)};
    }
    if (const auto refused = why_refused(key, only, *found)) return give_up(*refused);
    const TimePoint now = clock_.now();
    auto data = edit(*found, now);
    if (!data) return give_up(data.error());
    if (!*data) {
      // It was made so by another process, perhaps, and just now.
      if (auto known = note_change(key); !known) return fail(std::move(known.error()));
      return Written{found->document.value_or(store::StoredDocument{}), false};
    }
    document = {key, std::move(**data), found->newer_fields()};
    replaces = only_revision ? only : found->replaces();
    auto written = put(document, replaces, now);
    if (written) return written;
    if (written.error().code == ErrorCode::kUnknownOutcome) {
      unsure = std::move(written.error());
    } else if (!is_overtaken(written.error()) || (only_revision && !unsure)) {
      return give_up(written.error());
    }
  }
  return give_up(changed_all_the_time(key));
}

Result<std::optional<store::StoredDocument>> DocumentWriter::remove(
    const store::DocumentKey& key, const std::optional<store::Revision>& only,
    const Check& may_be_removed) {
  std::optional<store::StoredDocument> last;
  std::optional<Error> unsure;  // of a try that may have been carried out
  for (int tries = 0; tries < kWriteTriesMax; ++tries) {
    auto found = look(store_, key);
    if (!found) return fail(unsure.value_or(found.error()));
    if (!found->is_there()) {
      if (!unsure) return fail(store::no_document(key));
      if (!note_change(key)) continue;
      return last;
    }
    last = std::move(found->document);
    if (auto free = may_be_removed(); !free) return fail(unsure.value_or(free.error()));
    std::optional<store::Revision> revision = only;
    if (!revision && last) revision = last->revision;
    auto removed = store_.remove_document(key, revision);
    if (auto known = note_change(key); removed && !known) removed = std::move(known);
    if (removed) return last;
    if (removed.error().code == ErrorCode::kUnknownOutcome) {
      unsure = std::move(removed.error());
    } else if (!is_overtaken(removed.error()) || only) {
      return fail(unsure.value_or(removed.error()));
    }
  }
  return fail(unsure.value_or(changed_all_the_time(key)));
}

}  // namespace rhooks
