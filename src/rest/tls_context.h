#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <memory>
#include <string>
#include <vector>

// <openssl/ssl.h>
struct ssl_st;
struct ssl_ctx_st;

namespace rhooks::rest {

// What a server proves by who it is. Files in PEM form, of up to 1 MiB.
struct TlsFiles {
  std::string certificate;        // its own certificate first, then those of its issuers
  std::string key;                // without a passphrase
  bool version_1_3_only = false;  // otherwise TLS 1.2 as well (RFC 9325 section 3.1.1)
};

// A certificate with its key, as they were when their files were read, and by which rules TLS is
// spoken: ciphers with forward secrecy and authentication only, HTTP/1.1 by ALPN (RFC 7301), no
// renegotiation, no compression, nothing kept of a session but what its client is given.
//
// Threads: every method may be called from any thread. Blocking: load() only.
class TlsContext {
 public:
  // Errors: kInvalidArgument, field "tls_cert" or "tls_key"; the message names the file, what is
  // wrong with it and what to do.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // When the certificate ends.
  TimePoint not_after() const { return not_after_; }
  // What somebody should look at, though it keeps nothing from working: a key that others can read,
  // a certificate that is not valid now.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // One connection's part in it, for whoever frees it (SSL_free). It stays valid when this is gone.
  // Throws std::bad_alloc.
  ssl_st* new_connection() const;

 private:
  TlsContext();

  ssl_ctx_st* const context_;
  TimePoint not_after_{};
  std::vector<std::string> warnings_;
};

}  // namespace rhooks::rest
