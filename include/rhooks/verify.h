#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Signatures of webhooks, by Standard Webhooks 1.0.0 (https://www.standardwebhooks.com): for
// receivers, and for their tests. Of the library nothing else is needed for it.
//
// A secret is text:
//   whsec_ and the base64 of 24 to 64 bytes   signs and verifies by HMAC-SHA256, "v1"; the whsec_
//   may
//                                             be left out
//   whsk_  and the base64 of 64 bytes         a private key and its public one, 32 bytes each:
//   signs
//                                             and verifies by ed25519, "v1a"
//   whpk_  and the base64 of 32 bytes         a public key: verifies by ed25519
//
// Threads: every function here may be called from any thread.
namespace rhooks {

struct VerifyOptions {
  // How much earlier or later than now a webhook may have been signed: for as long somebody who has
  // seen one can send it again, and be believed by a receiver that does not remember webhook-id.
  std::chrono::seconds tolerance{300};
  // Now; the clock of the system, where there is none.
  std::optional<TimePoint> now;
};

// Whether whoever knows one of these secrets made just this webhook: `headers`, of which
// webhook-id, webhook-timestamp and webhook-signature are looked at, their names in any case, and
// `body`, the bytes that arrived, not what was parsed of them. Of several secrets and several
// signatures one pair has to fit: while a secret is being replaced, a receiver may know both.
// Compared in constant time. Signatures of versions other than v1 and v1a are passed over.
//
// Errors: kInvalidArgument. `field` is the name of one of the three headers where the webhook is
// not to be believed: it is missing, given twice, garbled, too old or too new, or no signature
// fits. Answer 400 or 401 then. `field` is "secrets", or "secrets[1]" for the second, where the
// receiver is set up wrongly. Messages hold neither secrets nor signatures.
Result<void> verify_webhook(const std::vector<std::string>& secrets,
                            const std::vector<Header>& headers, std::string_view body,
                            const VerifyOptions& options = {});

// The three headers of a webhook, signed by each of these secrets; of `timestamp` whole seconds
// count. Errors: kInvalidArgument, `field` as above: webhook-id, which has to be of visible ASCII
// characters without a dot; webhook-timestamp, before 1970; or a secret, such as a public key.
Result<std::vector<Header>> sign_webhook(const std::vector<std::string>& secrets,
                                         std::string_view id, TimePoint timestamp,
                                         std::string_view body);

}  // namespace rhooks
