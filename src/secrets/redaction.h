#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/record.h"
#include "store/store.h"

namespace rhooks::secrets {

// Puts placeholders (model/redaction.h) in the place of credentials, under a key of the store: 32
// random bytes, a document of their own, made when they are needed first. So a placeholder reads
// the same in all processes that share the store. While the key cannot be read placeholders do not
// tell values apart; nothing waits for that, and nothing is shown for it.
//
// Threads: every method may be called from any thread. Blocking: waits for the store where there is
// a credential, until the key is known.
class Redaction {
 public:
  explicit Redaction(store::Store& store) : store_(store) {}

  void redact(std::vector<Header>& headers, TimePoint now);
  // Of an attempt, before anything is made of it: request and answer.
  void redact(model::AttemptOutcome& outcome, TimePoint now);
  // The opposite, of what is to take the place of `stored`. Errors: model::restore_redacted().
  Result<void> restore(Endpoint& endpoint, const Endpoint& stored, TimePoint now);

 private:
  std::string key(TimePoint now);
  Result<std::string> read_or_make(TimePoint now);

  store::Store& store_;
  Mutex mutex_;
  std::string key_ RHOOKS_GUARDED_BY(mutex_);  // empty: not known yet
  // When reading it failed last.
  std::optional<TimePoint> failed_at_ RHOOKS_GUARDED_BY(mutex_);
};

}  // namespace rhooks::secrets
