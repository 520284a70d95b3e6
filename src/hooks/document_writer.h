#pragma once

#include <rhooks/result.h>

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "hooks/looked.h"
#include "store/store.h"

namespace rhooks {

// Who is asked for: a document that users name. Errors: kInvalidArgument.
Result<void> validate_names(const std::string& ns, const std::string& name);
// The revision that a change is for; none, of an empty text: any. Errors: kInvalidArgument.
Result<std::optional<store::Revision>> read_revision(const std::string& text);
// What a put may replace: also nothing, of kIfNone. Errors: kInvalidArgument.
Result<store::Replaces> read_replaces(const std::string& text);

// Writes documents of one kind: reads what is there, has that edited, and puts it in its place;
// where others change it in between, again. A try of which it is not known whether it was carried
// out is looked for before the next one.
//
// Threads: any. Blocking: waits for the store.
class DocumentWriter {
 public:
  // Called after each try: has all go by what it may have changed, from the return on. Errors: that
  // cannot be read.
  using Changed = std::function<Result<void>(const store::DocumentKey&)>;
  // The data to store in the place of what is there and may be replaced; none: it is to stay as it
  // is. May be called more than once.
  using Edit =
      std::function<Result<std::optional<std::string>>(const Looked& found, TimePoint now)>;
  // Whether it may be removed; may be called more than once.
  using Check = std::function<Result<void>()>;

  struct Written {
    store::StoredDocument document;
    bool created = false;  // there was none before
  };

  DocumentWriter(store::Store& store, const Clock& clock, Changed changed)
      : store_(store), clock_(clock), changed_(std::move(changed)) {}

  // With a revision or Nothing as `only` it replaces that alone. Errors: those of `edit` and of the
  // store; with a revision kNotFound (there is none); kConflict, field "revision" (it has another
  // revision, or with Nothing one at all); kUnknownOutcome, also where it is stored and cannot be
  // read since.
  Result<Written> write(const store::DocumentKey& key, const store::Replaces& only,
                        const Edit& edit);
  // Returns what there was; none: it could not be read. Errors: as of write(), and kNotFound.
  Result<std::optional<store::StoredDocument>> remove(const store::DocumentKey& key,
                                                      const std::optional<store::Revision>& only,
                                                      const Check& may_be_removed);

 private:
  Result<Written> put(const store::Document& document, const store::Replaces& replaces,
                      TimePoint at);
  Result<void> note_change(const store::DocumentKey& key);

  store::Store& store_;
  const Clock& clock_;
  const Changed changed_;
};

}  // namespace rhooks
