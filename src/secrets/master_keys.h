#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"

namespace rhooks::secrets {

// Which secret a value is of. What is sealed for one place opens at no other.
struct Place {
  std::string_view ns, name, version, type;
};

// The keys that secrets are sealed by. The first seals, all open: to replace a key, put another in
// front of it, rewrap() whatever is not is_current(), and leave the old one out.
// Threads: const methods may be called from any thread.
class MasterKeys {
 public:
  MasterKeys(MasterKeys&&) = default;
  MasterKeys& operator=(MasterKeys&&) = default;

  // Keys of 32 bytes in base64, with white space or commas between them, as a file or a variable of
  // the environment has them. Errors: kInvalidArgument. The message does not quote the text.
  static Result<MasterKeys> parse(std::string_view text);
  // Of a file that its owner alone can read. Errors: kInvalidArgument, naming the file.
  static Result<MasterKeys> read_file(const std::string& path);

  // 93 bytes more than the value: see master_keys.cc.
  std::string seal(const Place& place, std::string_view value) const;

  // Errors: kUnavailable, it is sealed by a key that is not among these, which the message names by
  // its id; kCorrupt, the bytes are not what was sealed for that place; kUnsupported, a newer
  // program sealed it.
  Result<SecretBytes> open(const Place& place, std::string_view sealed) const;

  // Whether the first key sealed it.
  bool is_current(std::string_view sealed) const;
  // The same value, sealed by the first key. Errors: as those of open().
  Result<std::string> rewrap(const Place& place, std::string_view sealed) const;

  // What keys are called in messages, in their order: 8 hexadecimal digits, which tell nothing of
  // the key.
  std::vector<std::string> ids() const;

 private:
  struct MasterKey {
    std::string id;  // 4 bytes
    SecretBytes bytes;
  };

  MasterKeys() = default;
  std::string sealed_data_key(const Place& place, std::string_view data_key) const;
  Result<SecretBytes> open_data_key(const Place& place, std::string_view sealed) const;

  std::vector<MasterKey> keys_;  // not empty
};

}  // namespace rhooks::secrets
