// Where credentials come from: AWS's shared files, the answers of credential processes and
// services, and the URLs that those stand at. What is accepted fits into headers; no message
// quotes what was read; and libcurl, which goes there, sees the same host in a URL that the
// decision to send a secret was made on.

#include <curl/curl.h>

#include <memory>

#include "aws/credential_answer.h"
#include "aws/http_url.h"
#include "aws/profile.h"
#include "base/clock.h"
#include "fuzz/fuzz.h"

using namespace rhooks;
using namespace rhooks::aws;

namespace {

constexpr const char* kHush = "hUsh4711";

void check_credentials(const Result<Credentials>& read) {
  if (!read) {
    FUZZ_EXPECT(read.error().code == ErrorCode::kUnavailable);
    FUZZ_EXPECT(read.error().message.find(kHush) == std::string::npos);
    return;
  }
  FUZZ_EXPECT(!read->access_key_id.empty() && !read->secret_access_key.empty());
  for (const char c : read->access_key_id + read->secret_access_key + read->session_token) {
    FUZZ_EXPECT(c > ' ' && c < '\x7f');
  }
  if (read->expires_at) {
    FUZZ_EXPECT(*read->expires_at >= kTimeMin && *read->expires_at <= kTimeMax);
  }
}

void check_answers(std::string_view text) {
  check_credentials(read_credentials(text, "Token"));
  check_credentials(read_process_credentials(text));
  check_credentials(read_instance_credentials(text));
  check_credentials(read_sts_credentials(text));
  for (const char c : read_sts_error_code(text)) {
    FUZZ_EXPECT((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.');
  }
}

// A file of these sections, in which no value is read as a nested name or as a comment.
std::string file_of(const Sections& sections) {
  std::string text;
  for (const auto& [name, properties] : sections) {
    text += "[" + name + "]\n";
    for (const auto& [property, value] : properties) text += property + " = " + value + "\n";
  }
  return text;
}

void check_file(const std::string& text) {
  const auto sections = parse_shared_file(text);
  if (!sections) {
    FUZZ_EXPECT(sections.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(sections.error().message.starts_with("line "));
    FUZZ_EXPECT(sections.error().message.find(kHush) == std::string::npos);
    return;
  }
  bool plain = true;
  for (const auto& [name, properties] : *sections) {
    FUZZ_EXPECT(!name.empty());
    for (const auto& [property, value] : properties) {
      FUZZ_EXPECT(!property.empty());
      // Lines of a value that goes on, and blanks that a second reading would take for others.
      plain = plain && value.find_first_of("\n#;") == std::string::npos &&
              property.find_first_of("#;[") != 0;
    }
  }
  // What comes later replaces what was there, and what it leaves out stays.
  const auto twice = parse_shared_file(text + "\n[x-later]\n" + "a = 1\n[x-later]\nA=2 ; b\n");
  FUZZ_EXPECT(twice && twice->at("x-later").at("a") == "2");
  if (!plain) return;
  for (const auto& [name, properties] : *sections) {
    if (name.find_first_of(" '\"[") != std::string::npos) return;
  }
  const auto again = parse_shared_file(file_of(*sections));
  FUZZ_EXPECT(again && *again == *sections);
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return "";
  const std::string copy(text);
  curl_free(text);
  return copy;
}

void check_url(const std::string& text) {
  const auto url = parse_http_url(text);
  if (!url) {
    FUZZ_EXPECT(url.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(url.error().message.find(kHush) == std::string::npos);
    return;
  }
  const std::unique_ptr<CURLU, FreeUrl> curl(curl_url());
  // One that libcurl refuses goes nowhere.
  if (curl_url_set(curl.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return;
  std::string host = part(curl.get(), CURLUPART_HOST);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  FUZZ_EXPECT(part(curl.get(), CURLUPART_SCHEME) == (url->tls ? "https" : "http"));
  FUZZ_EXPECT(part(curl.get(), CURLUPART_USER).empty());
  // libcurl writes addresses in their usual form: 0x7f.1 is 127.0.0.1 to it.
  const bool address = host.find_first_not_of("0123456789abcdef.:") == std::string::npos;
  FUZZ_EXPECT(host == url->host || address);
  HttpUrl seen = *url;
  seen.host = host;
  FUZZ_EXPECT(!url->is_loopback() || seen.is_loopback());
  const auto number = [](const std::string& port) { return port.empty() ? 0 : std::stol(port); };
  FUZZ_EXPECT(number(part(curl.get(), CURLUPART_PORT)) == number(url->port));

  const auto again = parse_http_url(url->origin() + url->rest);
  FUZZ_EXPECT(again && again->origin() == url->origin() && again->rest == url->rest);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::to_text(data, size));
  if (text.find(kHush) != std::string::npos) return 0;
  check_answers(text);
  check_file(text);
  check_file(text + "\naws_secret_access_key" + kHush);
  check_file(text + "\n[a\n" + kHush);
  check_url(text);
  check_url("http://" + text);
  check_url("https://host/" + text + "?token=" + kHush + " ");
  return 0;
}
