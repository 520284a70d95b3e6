#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// <openssl/ssl.h>
struct ssl_st;
struct ssl_ctx_st;

namespace rhooks::testing {

struct TlsClientOptions {
  std::string trusted_pem;         // the certificate to trust; empty: any
  std::string name = "127.0.0.1";  // that the certificate has to be of, where one is trusted
  std::string offers;              // one protocol to offer by ALPN; empty: none
  int version_max = 0;             // TLS1_2_VERSION and the like; 0: the newest
};

// One TLS connection to 127.0.0.1, which a test can look into. Every wait is bounded.
// Threads: one at a time. Throws std::runtime_error if OpenSSL fails otherwise than by the peer.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const TlsClientOptions& options = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return error_.empty(); }
  const std::string& error() const { return error_; }  // why not
  std::string version() const;                         // "TLSv1.3"
  std::string cipher() const;
  std::string protocol() const;  // that ALPN chose
  // Whether the server showed this certificate.
  bool shown(const std::string& certificate_pem) const;

  bool send(std::string_view bytes);
  // Sends what TLS makes of these bytes, up to 16 KiB, in one segment for each of its bytes,
  // without the last one: the server can make nothing of it. False where the server has closed.
  bool trickle(std::string_view bytes);
  // One response with a Content-Length, or what came of it before the connection ended.
  std::string receive();
  // The same for a request that is sent before; whether it begins with "HTTP/1.1 200".
  bool ok(std::string_view request);
  // Whether the server says in TLS that nothing more comes, without having sent more.
  bool ended_by_server();

 private:
  int fd_ = -1;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* connection_ = nullptr;
  std::string error_;
  std::string pending_;
};

}  // namespace rhooks::testing
