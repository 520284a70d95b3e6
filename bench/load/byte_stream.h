#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace rhooks::bench {

struct FreeTls {
  void operator()(SSL* connection) const { ::SSL_free(connection); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

// A server's, TLS 1.3: with a new certificate for 127.0.0.1 and its key, which it writes to these
// files. No connection resumes the session of another, so each has a whole handshake. Throws where
// OpenSSL fails.
TlsContext make_server_tls(const std::string& certificate_file, const std::string& key_file);

// The bytes of a connection that was accepted and does not block, through TLS where there is a
// context of it. The descriptor stays the caller's.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(int fd, SSL_CTX* tls);

  // As recv(): how many came, 0 at the end, and -1 with EAGAIN where there are none yet.
  ssize_t read(char* to, std::size_t size);
  // False: they were not all taken.
  bool write(std::string_view bytes);

 private:
  int fd_ = -1;
  std::unique_ptr<SSL, FreeTls> tls_;
};

}  // namespace rhooks::bench
