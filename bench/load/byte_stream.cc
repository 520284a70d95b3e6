#include "bench/load/byte_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>

#include "testing/test_certificate.h"

namespace rhooks::bench {

TlsContext make_server_tls(const std::string& certificate_file, const std::string& key_file) {
  const auto made = testing::make_test_certificate({"127.0.0.1"});
  std::ofstream(certificate_file) << made.certificate_pem;
  std::ofstream(key_file) << made.key_pem;
  TlsContext context(::SSL_CTX_new(::TLS_server_method()));
  SSL_CTX* const tls = context.get();
  if (!tls || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
      ::SSL_CTX_use_certificate_file(tls, certificate_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_use_PrivateKey_file(tls, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_set_num_tickets(tls, 0) != 1) {
    throw std::runtime_error("the receiver has no TLS");
  }
  return context;
}

ByteStream::ByteStream(int fd, SSL_CTX* tls) : fd_(fd), tls_(tls ? ::SSL_new(tls) : nullptr) {
  if (!tls) return;
  if (!tls_ || ::SSL_set_fd(tls_.get(), fd) != 1) throw std::runtime_error("no memory for TLS");
  ::SSL_set_accept_state(tls_.get());
}

ssize_t ByteStream::read(char* to, std::size_t size) {
  if (!tls_) return ::recv(fd_, to, size, 0);
  ::ERR_clear_error();
  const int got = ::SSL_read(tls_.get(), to, static_cast<int>(size));
  if (got > 0) return got;
  const int why = ::SSL_get_error(tls_.get(), got);
  // What is written in a handshake is less than any socket takes at once.
  if (why != SSL_ERROR_WANT_READ) return 0;
  errno = EAGAIN;
  return -1;
}

bool ByteStream::write(std::string_view bytes) {
  const auto size = static_cast<ssize_t>(bytes.size());
  if (!tls_) return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == size;
  return ::SSL_write(tls_.get(), bytes.data(), static_cast<int>(size)) == size;
}

}  // namespace rhooks::bench
