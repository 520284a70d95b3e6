#include "rest/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <new>
#include <string_view>
#include <system_error>

#include "base/iso8601.h"
#include "base/secret_bytes.h"

namespace rhooks::rest {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

// What OpenSSL noted is of one call: what stays would be taken for an error of the thread's next.
class ErrorQueue {
 public:
  ErrorQueue() { ERR_clear_error(); }
  ~ErrorQueue() { ERR_clear_error(); }
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;

  static std::string last() {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != nullptr ? reason : "no reason is told";
  }
};

class OpenFile {
 public:
  // Without O_NONBLOCK a FIFO would be waited for.
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// One of the two files, as it was read.
struct PemFile {
  const char* setting;
  const char* name;
  const std::string& path;
  SecretBytes bytes{};
  std::size_t size = 0;
  bool others_read_it = false;

  std::string_view text() const { return bytes.view().substr(0, size); }
  Bio bio() const {
    Bio made(BIO_new_mem_buf(bytes.data(), static_cast<int>(size)));
    if (!made) throw std::bad_alloc();
    return made;
  }
  tl::unexpected<Error> refuse(const std::string& why) const {
    return fail(ErrorCode::kInvalidArgument, std::string(name) + " " + path + " " + why, setting);
  }
};

Result<void> read_file(PemFile& file) {
  const OpenFile open(file.path);
  struct stat status {};
  if (open.fd() < 0 || ::fstat(open.fd(), &status) != 0) {
    return file.refuse("cannot be read: " + std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return file.refuse("is no regular file");
  file.others_read_it = (status.st_mode & S_IROTH) != 0;
  file.bytes = SecretBytes(kFileBytesMax + 1);
  while (file.size < file.bytes.size()) {
    const ssize_t got =
        ::read(open.fd(), file.bytes.data() + file.size, file.bytes.size() - file.size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file.refuse("cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    file.size += static_cast<std::size_t>(got);
  }
  if (file.size > kFileBytesMax) return file.refuse("is longer than 1 MiB");
  return {};
}

// The certificates of the file, the server's own one first.
Result<std::vector<Certificate>> certificates_of(const PemFile& file) {
  const Bio bio = file.bio();
  std::vector<Certificate> chain;
  while (X509* const read = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(read);
  }
  // The end of the file is where no other one begins.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return file.refuse("has a certificate that is damaged: " + ErrorQueue::last());
  }
  if (chain.empty()) {
    return file.refuse(
        "has no certificate in PEM form: nothing in it begins with -----BEGIN CERTIFICATE-----");
  }
  ERR_clear_error();
  return chain;
}

// Nobody is there to ask; without this OpenSSL would, on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<PrivateKey> private_key_of(const PemFile& file) {
  const Bio bio = file.bio();
  PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  if (file.text().find("ENCRYPTED") != std::string_view::npos) {
    return file.refuse(
        "has a passphrase, which nobody is there to type: `openssl pkey -in FILE -out FILE.open` "
        "makes one without");
  }
  return file.refuse("has no private key in PEM form that can be read: " + ErrorQueue::last());
}

TimePoint time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};  // what is no time is long ago
  return TimePoint(std::chrono::seconds(::timegm(&parts)));
}

// RFC 7301 section 3.2: who offers nothing that is spoken here is told so.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr std::string_view kHttp11 = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(kHttp11.data()),
      static_cast<unsigned int>(kHttp11.size()), offered, offered_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// RFC 9325, section 4: what has no forward secrecy or no authenticated encryption is left out. TLS
// 1.3 has no other ciphers.
void set_rules(SSL_CTX* context, bool version_1_3_only) {
  const bool set = SSL_CTX_set_min_proto_version(
                       context, version_1_3_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK") == 1;
  if (!set) throw std::bad_alloc();
  // 112 bits of security: RSA and DSA of 2048 bits, curves of 224, no SHA-1.
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Clients keep their sessions themselves (tickets), so their number takes nothing here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

Result<void> use_certificates(SSL_CTX* context, const PemFile& file,
                              std::vector<Certificate> chain) {
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return file.refuse("has a certificate that cannot be used: " + ErrorQueue::last());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add0_chain_cert(context, chain[i].get()) != 1) {
      return file.refuse("has an issuer's certificate that cannot be used: " + ErrorQueue::last());
    }
    (void)chain[i].release();  // it is the context's now
  }
  return {};
}

}  // namespace

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr) throw std::bad_alloc();
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  const ErrorQueue errors;
  PemFile certificate_file{"tls_cert", "the certificate", files.certificate};
  PemFile key_file{"tls_key", "the key", files.key};
  for (PemFile* file : {&certificate_file, &key_file}) {
    if (auto done = read_file(*file); !done) return fail(done.error());
  }
  auto chain = certificates_of(certificate_file);
  if (!chain) return fail(chain.error());
  const auto key = private_key_of(key_file);
  if (!key) return fail(key.error());
  X509* const own = chain->front().get();
  if (X509_check_private_key(own, key->get()) != 1) {
    return key_file.refuse("does not belong to the certificate " + files.certificate +
                           ": name the key that it was made for, and put the server's own "
                           "certificate before those of its issuers");
  }

  const std::shared_ptr<TlsContext> made(new TlsContext);
  made->not_after_ = time_of(X509_get0_notAfter(own));
  // In the unit of TimePoint: nanoseconds end in the year 2262, and certificates in 9999 (RFC 5280,
  // section 4.1.2.5).
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (now >= made->not_after_) {
    made->warnings_.push_back("the certificate " + files.certificate + " ended at " +
                              format_time(made->not_after_) +
                              "; clients that verify it, as they should, refuse this server");
  }
  if (const auto from = time_of(X509_get0_notBefore(own)); now < from) {
    made->warnings_.push_back("the certificate " + files.certificate + " begins at " +
                              format_time(from) + "; until then clients refuse this server");
  }
  if (key_file.others_read_it) {
    made->warnings_.push_back("every user of this machine can read the key " + files.key +
                              "; chmod o-r closes the file");
  }
  set_rules(made->context_, files.version_1_3_only);
  if (auto used = use_certificates(made->context_, certificate_file, std::move(*chain)); !used) {
    return fail(used.error());
  }
  if (SSL_CTX_use_PrivateKey(made->context_, key->get()) != 1) {
    return key_file.refuse("cannot be used: " + ErrorQueue::last());
  }
  return made;
}

ssl_st* TlsContext::new_connection() const {
  SSL* const made = SSL_new(context_);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace rhooks::rest
