#include "cli/secret_args.h"

#include <array>
#include <fstream>
#include <sstream>

#include "cli/usage.h"

namespace rhooks::cli {
namespace {

constexpr std::size_t kSecretsBytesMax = 64 * 1024;

// At most so many; one more where there are more. None where they cannot be read.
std::optional<std::string> bytes_in(std::istream& in, std::size_t bytes_max) {
  std::string bytes;
  std::array<char, 64 * 1024> part;
  while (bytes.size() <= bytes_max) {
    in.read(part.data(), part.size());
    bytes.append(part.data(), static_cast<std::size_t>(in.gcount()));
    if (!in) break;
  }
  if (in.bad()) return std::nullopt;
  return bytes;
}

// `from`: where they come from, for messages.
Result<std::vector<signing::Key>> secrets_in(const std::string& text, const std::string& from) {
  std::istringstream words(text);
  std::vector<std::string> secrets;
  for (std::string word; words >> word;) secrets.push_back(word);
  auto keys = signing::parse_keys(secrets);
  if (!keys) return usage(from + ": " + keys.error().message);
  return keys;
}

}  // namespace

Result<std::vector<signing::Key>> read_secrets(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const auto text = in ? bytes_in(in, kSecretsBytesMax) : std::nullopt;
  if (!text) return usage("--secret-file: " + file + " cannot be read");
  if (text->size() > kSecretsBytesMax) {
    return usage("--secret-file: " + file + " is longer than 64 KiB; it holds nothing but secrets");
  }
  return secrets_in(*text, "--secret-file: " + file);
}

Result<std::vector<signing::Key>> read_secrets(const Io& io, const std::string& file) {
  if (!file.empty()) return read_secrets(file);
  if (const auto text = io.env(kSecretVariable)) return secrets_in(*text, kSecretVariable);
  return usage(
      std::string("there is no secret; name a file that holds it by --secret-file, or set ") +
      kSecretVariable);
}

Result<std::string> read_bytes(Io& io, const std::string& file, std::size_t bytes_max,
                               const char* option) {
  std::ifstream opened;
  if (!file.empty()) opened.open(file, std::ios::binary);
  std::istream& in = file.empty() ? io.in : opened;
  const std::string from = file.empty() ? "standard input" : std::string(option) + ": " + file;
  auto bytes = in ? bytes_in(in, bytes_max) : std::nullopt;
  if (!bytes) return usage(from + " cannot be read");
  if (bytes->size() <= bytes_max) return std::move(*bytes);
  return usage(from + " is longer than " + std::to_string(bytes_max) + " bytes");
}

Result<std::string> read_bytes(Io& io, const std::string& file) {
  return read_bytes(io, file, static_cast<std::size_t>(-1) / 2, "--body-file");
}

}  // namespace rhooks::cli
