#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <memory>
#include <optional>
#include <string>

namespace rhooks::aws {

// What a request is signed with. Never logged, never part of an error.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;            // empty for long-lived keys
  std::optional<TimePoint> expires_at;  // none: they do not expire
};

// Gives credentials, and new ones before the old expire.
// Threads: every method may be called from any thread.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;

  // The credentials to sign with now. Blocking where there are none, or they were refused: one
  // caller fetches, which may take as long as a credential_process does (30 s), and the others
  // wait. While the old ones are valid nobody waits for new ones, and a failed refresh is no error.
  // Errors: kUnavailable (they cannot be had, or have expired; the message names every place that
  // was looked at). Safe to retry.
  virtual Result<Credentials> get(TimePoint now) = 0;

  // The service refused these: the next get() fetches anew, where that can help. Where it does
  // not (the same keys again, or a failure), get() goes on to give these, for a while without
  // fetching, and the service's refusal is what there is to tell.
  virtual void refused(const Credentials& credentials) = 0;
};

}  // namespace rhooks::aws
