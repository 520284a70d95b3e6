// What is stored of a secret, format 1:
//
//   1 byte    1
//   4 bytes   id of the master key: the first of SHA-256("rhooks master key 1", key)
//   60 bytes  the data key, boxed by the master key
//   the rest  the value, boxed by the data key
//
// A box is 12 random bytes of nonce, the text enciphered by AES-256-GCM, and 16 bytes of tag. What
// it is bound to is SHA-256(label, ns, name, version, type), "rhooks data key 1" being the label of
// the first and "rhooks secret 1" that of the second; parts of these hashes have their lengths in
// front (base/sha256.h).

#include "secrets/master_keys.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <tuple>

#include "base/base64.h"
#include "base/check.h"
#include "base/sha256.h"

namespace rhooks::secrets {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kIdBytes = 4;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBoxBytes = kNonceBytes + kTagBytes;  // beside the text
constexpr std::size_t kDataKeyAt = 1 + kIdBytes;
constexpr std::size_t kValueAt = kDataKeyAt + kKeyBytes + kBoxBytes;
constexpr int kBoundBytes = std::tuple_size_v<Sha256>;
constexpr std::size_t kKeysBytesMax = 64 * 1024;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* in(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Sha256 bound_to(std::string_view label, const Place& place) {
  return sha256({label, place.ns, place.name, place.version, place.type});
}

std::string box(std::string_view key, const Sha256& bound, std::string_view text) {
  std::string made(text.size() + kBoxBytes, '\0');
  auto* const nonce = reinterpret_cast<unsigned char*>(made.data());
  auto* const enciphered = nonce + kNonceBytes;
  auto* const tag = enciphered + text.size();
  const SecretBytes fresh = SecretBytes::random(kNonceBytes);
  fresh.view().copy(made.data(), kNonceBytes);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  RHOOKS_CHECK(cipher != nullptr);
  int size = 0;
  RHOOKS_CHECK(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, in(key), nonce) == 1 &&
               EVP_EncryptUpdate(cipher.get(), nullptr, &size, bound.data(), kBoundBytes) == 1 &&
               EVP_EncryptUpdate(cipher.get(), enciphered, &size, in(text),
                                 static_cast<int>(text.size())) == 1 &&
               EVP_EncryptFinal_ex(cipher.get(), tag, &size) == 1 &&
               EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1);
  return made;
}

// None unless box() made it of just this key and this `bound`.
std::optional<SecretBytes> unbox(std::string_view key, const Sha256& bound,
                                 std::string_view boxed) {
  if (boxed.size() < kBoxBytes) return std::nullopt;
  const std::string_view enciphered = boxed.substr(kNonceBytes, boxed.size() - kBoxBytes);
  std::string tag(boxed.substr(boxed.size() - kTagBytes));
  SecretBytes text(enciphered.size());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  RHOOKS_CHECK(cipher != nullptr);
  int size = 0;
  RHOOKS_CHECK(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, in(key), in(boxed)) ==
                   1 &&
               EVP_DecryptUpdate(cipher.get(), nullptr, &size, bound.data(), kBoundBytes) == 1 &&
               EVP_DecryptUpdate(cipher.get(), text.data(), &size, in(enciphered),
                                 static_cast<int>(enciphered.size())) == 1 &&
               EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  unsigned char nothing[EVP_MAX_BLOCK_LENGTH];
  const bool fits = EVP_DecryptFinal_ex(cipher.get(), nothing, &size) == 1;
  ERR_clear_error();  // what it left would be taken for an error of the thread's next call
  if (!fits) return std::nullopt;
  return text;
}

std::string id_of(const SecretBytes& key) {
  const Sha256 hash = sha256({"rhooks master key 1", key.view()});
  return {reinterpret_cast<const char*>(hash.data()), kIdBytes};
}

std::string shown_id(std::string_view id) {
  return to_hex(in(id), id.size());
}

Result<void> check_form(std::string_view sealed) {
  if (!sealed.empty() && sealed[0] != kFormat) {
    return fail(ErrorCode::kUnsupported,
                "a secret was sealed by a newer version of this program, or its bytes are damaged");
  }
  if (sealed.size() < kValueAt + kBoxBytes) {
    return fail(ErrorCode::kCorrupt, "the bytes of a sealed secret are cut off");
  }
  return {};
}

tl::unexpected<Error> does_not_open() {
  return fail(ErrorCode::kCorrupt,
              "a sealed secret does not open: its bytes were changed, or they are those of another "
              "secret");
}

// A descriptor that is closed at the end of the scope.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Result<MasterKeys> MasterKeys::parse(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,";
  MasterKeys keys;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) break;
    const std::string_view word = text.substr(0, text.find_first_of(kBetween));
    text.remove_prefix(word.size());
    SecretBytes bytes(base64_bytes(word));
    if (!read_base64(word, bytes.data()) || bytes.size() != kKeyBytes) {
      return fail(ErrorCode::kInvalidArgument,
                  "master key " + std::to_string(keys.keys_.size() + 1) +
                      " is not 32 bytes in base64; make one with: openssl rand -base64 32");
    }
    std::string id = id_of(bytes);
    keys.keys_.push_back({std::move(id), std::move(bytes)});
  }
  if (keys.keys_.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no master key; make one with: openssl rand -base64 32");
  }
  return keys;
}

Result<MasterKeys> MasterKeys::read_file(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::kInvalidArgument, "the file of master keys " + path + " " + why);
  };
  const OpenFile file(path);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    return refuse("cannot be read: " + std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return refuse("is no regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return refuse("is not its owner's alone; chmod 600 closes it");
  }
  SecretBytes text(kKeysBytesMax + 1);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.fd(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse("cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kKeysBytesMax) return refuse("is longer than 64 KiB; it holds nothing but keys");
  auto keys = parse(text.view().substr(0, size));
  if (!keys) return refuse("cannot be used: " + keys.error().message);
  return keys;
}

std::string MasterKeys::seal(const Place& place, std::string_view value) const {
  const SecretBytes data_key = SecretBytes::random(kKeyBytes);
  return sealed_data_key(place, data_key.view()) +
         box(data_key.view(), bound_to("rhooks secret 1", place), value);
}

Result<SecretBytes> MasterKeys::open(const Place& place, std::string_view sealed) const {
  const auto data_key = open_data_key(place, sealed);
  if (!data_key) return fail(data_key.error());
  auto value = unbox(data_key->view(), bound_to("rhooks secret 1", place), sealed.substr(kValueAt));
  if (!value) return does_not_open();
  return std::move(*value);
}

bool MasterKeys::is_current(std::string_view sealed) const {
  return check_form(sealed) && sealed.substr(1, kIdBytes) == keys_.front().id;
}

Result<std::string> MasterKeys::rewrap(const Place& place, std::string_view sealed) const {
  const auto data_key = open_data_key(place, sealed);
  if (!data_key) return fail(data_key.error());
  // What does not open is not given another key: it would look as if it were in order.
  if (!unbox(data_key->view(), bound_to("rhooks secret 1", place), sealed.substr(kValueAt))) {
    return does_not_open();
  }
  return sealed_data_key(place, data_key->view()).append(sealed.substr(kValueAt));
}

std::vector<std::string> MasterKeys::ids() const {
  std::vector<std::string> all;
  for (const MasterKey& key : keys_) all.push_back(shown_id(key.id));
  return all;
}

std::string MasterKeys::sealed_data_key(const Place& place, std::string_view data_key) const {
  const MasterKey& first = keys_.front();
  return kFormat + first.id +
         box(first.bytes.view(), bound_to("rhooks data key 1", place), data_key);
}

Result<SecretBytes> MasterKeys::open_data_key(const Place& place, std::string_view sealed) const {
  if (auto checked = check_form(sealed); !checked) return fail(checked.error());
  const std::string_view id = sealed.substr(1, kIdBytes);
  const std::string_view boxed = sealed.substr(kDataKeyAt, kValueAt - kDataKeyAt);
  const Sha256 bound = bound_to("rhooks data key 1", place);
  std::string given;
  bool known = false;
  for (const MasterKey& key : keys_) {
    given += (given.empty() ? "" : ", ") + shown_id(key.id);
    if (key.id != id) continue;
    known = true;
    if (auto data_key = unbox(key.bytes.view(), bound, boxed)) return std::move(*data_key);
  }
  if (known) return does_not_open();
  return fail(ErrorCode::kUnavailable, "a secret is sealed by the master key " + shown_id(id) +
                                           ", which is not given; those given are " + given);
}

}  // namespace rhooks::secrets
