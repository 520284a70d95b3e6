#include "testing/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "testing/patience.h"

namespace rhooks::testing {
namespace {

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

using ParsedCertificate = std::unique_ptr<X509, decltype(&X509_free)>;

ParsedCertificate certificate_in(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  ParsedCertificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  must(certificate != nullptr, "PEM_read_bio_X509");
  return certificate;
}

void set_up(SSL_CTX* context, const TlsClientOptions& options) {
  // What a server does with old versions is for the server to decide.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  if (options.version_max != 0) SSL_CTX_set_max_proto_version(context, options.version_max);
  if (options.trusted_pem.empty()) return;
  must(X509_STORE_add_cert(SSL_CTX_get_cert_store(context),
                           certificate_in(options.trusted_pem).get()) == 1,
       "X509_STORE_add_cert");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  must(X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), options.name.c_str()) == 1 ||
           X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(context), options.name.c_str(), 0) == 1,
       "the name to verify");
}

int connected_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{std::chrono::seconds(kPatience).count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

TlsClient::TlsClient(std::uint16_t port, const TlsClientOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  ERR_clear_error();
  context_ = SSL_CTX_new(TLS_client_method());
  must(context_ != nullptr, "SSL_CTX_new");
  set_up(context_, options);
  connection_ = SSL_new(context_);
  must(connection_ != nullptr, "SSL_new");
  if (!options.offers.empty()) {
    const std::string list = static_cast<char>(options.offers.size()) + options.offers;
    must(SSL_set_alpn_protos(connection_, reinterpret_cast<const unsigned char*>(list.data()),
                             static_cast<unsigned int>(list.size())) == 0,
         "SSL_set_alpn_protos");
  }
  fd_ = connected_to(port);
  if (fd_ < 0) {
    error_ = "no connection";
    return;
  }
  SSL_set_fd(connection_, fd_);
  if (SSL_connect(connection_) == 1) return;
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  error_ = reason != nullptr ? reason : "the connection ended";
}

TlsClient::~TlsClient() {
  SSL_free(connection_);
  SSL_CTX_free(context_);
  if (fd_ >= 0) ::close(fd_);
  ERR_clear_error();
}

std::string TlsClient::version() const {
  return SSL_get_version(connection_);
}

std::string TlsClient::cipher() const {
  return SSL_get_cipher_name(connection_);
}

std::string TlsClient::protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection_, &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

bool TlsClient::shown(const std::string& certificate_pem) const {
  const X509* const shown = SSL_get0_peer_certificate(connection_);
  return shown != nullptr && X509_cmp(shown, certificate_in(certificate_pem).get()) == 0;
}

bool TlsClient::send(std::string_view bytes) {
  ERR_clear_error();
  return connected() && SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())) ==
                            static_cast<int>(bytes.size());
}

bool TlsClient::trickle(std::string_view bytes) {
  BIO* const wire = SSL_get_wbio(connection_);
  must(BIO_up_ref(wire) == 1, "BIO_up_ref");
  BIO* const memory = BIO_new(BIO_s_mem());
  must(memory != nullptr, "BIO_new");
  SSL_set0_wbio(connection_, memory);
  const bool made = send(bytes);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  const std::string record(data, static_cast<std::size_t>(size));
  SSL_set0_wbio(connection_, wire);  // frees the other
  const int at_once = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  return made && std::all_of(record.begin(), record.end() - 1, [this](const char& byte) {
           return ::send(fd_, &byte, 1, MSG_NOSIGNAL) == 1;
         });
}

std::string TlsClient::receive() {
  std::size_t whole = std::string::npos;
  while (pending_.size() < whole) {
    if (whole == std::string::npos) {
      const std::size_t end = pending_.find("\r\n\r\n");
      const std::size_t length = pending_.find("Content-Length: ");
      if (end != std::string::npos && length < end) {
        whole = end + 4 + std::strtoull(pending_.c_str() + length + 16, nullptr, 10);
        continue;
      }
    }
    char bytes[16'384];
    ERR_clear_error();
    const int got = SSL_read(connection_, bytes, sizeof bytes);
    if (got <= 0) break;
    pending_.append(bytes, static_cast<std::size_t>(got));
  }
  std::string response = pending_.substr(0, whole);
  pending_.erase(0, response.size());
  return response;
}

bool TlsClient::ok(std::string_view request) {
  return send(request) && receive().starts_with("HTTP/1.1 200 ");
}

bool TlsClient::ended_by_server() {
  char byte = 0;
  ERR_clear_error();
  const int got = SSL_read(connection_, &byte, 1);
  return pending_.empty() && got <= 0 && SSL_get_error(connection_, got) == SSL_ERROR_ZERO_RETURN;
}

}  // namespace rhooks::testing
