#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace rhooks {

// Bytes that nobody else should see: a key, a password. They are overwritten at their end, and
// cannot be copied or printed by accident.
class SecretBytes {
 public:
  SecretBytes() = default;
  // So many zeros, to be filled.
  explicit SecretBytes(std::size_t size) : bytes_(new std::uint8_t[size](), Cleanse{size}) {}

  static SecretBytes copy_of(std::string_view bytes);
  // By the random numbers for keys of OpenSSL. Threads: may be called from any thread.
  static SecretBytes random(std::size_t size);

  std::uint8_t* data() { return bytes_.get(); }
  const std::uint8_t* data() const { return bytes_.get(); }
  std::size_t size() const { return bytes_ ? bytes_.get_deleter().size : 0; }
  // Valid as long as the bytes are.
  std::string_view view() const { return {reinterpret_cast<const char*>(data()), size()}; }

 private:
  struct Cleanse {
    std::size_t size;
    void operator()(std::uint8_t* bytes) const;
  };
  std::unique_ptr<std::uint8_t[], Cleanse> bytes_;
};

}  // namespace rhooks
