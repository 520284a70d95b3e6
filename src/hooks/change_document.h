#pragma once

#include <rhooks/result.h>

#include <string>
#include <utility>

namespace rhooks {

// Reads what has a revision, edits it, and writes it in the place of what was read; where others
// change it in between, again, a few times. With `if_revision` it changes that revision only.
// `read`: Result<T>(); `edit`: Result<U>(T); `write`: Result<V>(U, revision), whose kConflict says
// that it was overtaken. Errors: those of the three. Safe to retry if the edit is.
template <typename Read, typename Edit, typename Write>
auto change_document(const std::string& if_revision, const Read& read, const Edit& edit,
                     const Write& write) -> decltype(write(*edit(*read()), std::string())) {
  // More changes in between than these are no chance.
  constexpr int kTriesMax = 5;
  for (int tries = 1;; ++tries) {
    auto found = read();
    if (!found) return fail(std::move(found.error()));
    const std::string revision = if_revision.empty() ? found->revision : if_revision;
    auto edited = edit(std::move(*found));
    if (!edited) return fail(std::move(edited.error()));
    auto written = write(std::move(*edited), revision);
    if (written) return written;
    const bool overtaken = written.error().code == ErrorCode::kConflict && if_revision.empty();
    if (!overtaken || tries == kTriesMax) return written;
  }
}

}  // namespace rhooks
