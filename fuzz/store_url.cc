// Store URLs, with what may be set beside them. What is accepted can be written as one URL that
// says the same; what is refused names a setting, in one line; and no message holds a secret,
// wherever in the URL somebody pasted it.
//
// An input is lines: the URL, then region, endpoint, profile and the names of the tables as they
// are set beside it, and "true" for create_table.

#include <set>

#include "fuzz/fuzz.h"
#include "store/dynamo/url.h"
#include "store/open.h"

using namespace rhooks;
using store::dynamo::DynamoSettings;

namespace {

constexpr const char* kHush = "hUsh4711";

std::string encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
  }
  return out;
}

std::string url_of(const DynamoSettings& settings) {
  std::string url = std::string("dynamodb:?create=") + (settings.create ? "true" : "false");
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) url += std::string("&") + name + "=" + encode(value);
  };
  add("region", settings.region);
  add("endpoint", settings.endpoint);
  add("profile", settings.profile);
  add("tasks", settings.tasks);
  add("logs", settings.logs);
  if (settings.shards > 0) add("shards", std::to_string(settings.shards));
  return url;
}

bool same(const DynamoSettings& a, const DynamoSettings& b) {
  return a.region == b.region && a.endpoint == b.endpoint && a.tasks == b.tasks &&
         a.logs == b.logs && a.profile == b.profile && a.create == b.create && a.shards == b.shards;
}

void check_refusal(const Error& error) {
  static const std::set<std::string> kFields{
      "store",        "region",        "endpoint",        "profile",           "tasks_table_name",
      "create_table", "access_key_id", "logs_table_name", "secret_access_key", "session_token"};
  FUZZ_EXPECT(error.code == ErrorCode::kInvalidArgument);
  FUZZ_EXPECT(kFields.count(error.field) == 1);
  FUZZ_EXPECT(!error.message.empty());
  FUZZ_EXPECT(error.message.find(kHush) == std::string::npos);
}

// A URL that was made by appending a secret to it.
void check_hidden(const std::string& url) {
  const auto checked = store::check_url(url);
  if (!checked) check_refusal(checked.error());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string url(input.line());
  store::GivenSettings given;
  given.region = input.line();
  given.endpoint = input.line();
  given.profile = input.line();
  given.tasks_table_name = input.line();
  given.logs_table_name = input.line();
  given.create_table = input.line() == "true";
  if (url.size() % 2 == 1) given.access_key_id = "AKID";
  if (url.size() % 4 == 1) given.session_token = kHush;
  if (url.size() % 8 != 7) given.secret_access_key = kHush;
  if (fuzz::to_text(data, size).find(kHush) != std::string_view::npos) return 0;

  const auto checked = store::check_url(url, given);
  if (!checked) check_refusal(checked.error());
  if (const auto settings = store::dynamo::settings_of(url, given)) {
    FUZZ_EXPECT(checked);
    FUZZ_EXPECT(settings->tasks != settings->logs);
    FUZZ_EXPECT(settings->region.find_first_of("./:@ ") == std::string::npos);
    FUZZ_EXPECT(settings->endpoint.find('@') == std::string::npos);
    FUZZ_EXPECT(settings->create || !given.create_table);
    FUZZ_EXPECT(settings->shards >= 0);
    FUZZ_EXPECT(settings->secret_access_key == given.secret_access_key);
    FUZZ_EXPECT(settings->access_key_id == given.access_key_id);
    FUZZ_EXPECT(settings->session_token == given.session_token);
    // Beside a URL that says everything, what is given either agrees or is refused.
    const auto again = store::dynamo::settings_of(url_of(*settings));
    FUZZ_EXPECT(again && same(*settings, *again));
    FUZZ_EXPECT(store::dynamo::settings_of(url_of(*settings), given));
  } else {
    check_refusal(settings.error());
    FUZZ_EXPECT(!checked || !url.starts_with("dynamodb:"));
  }

  // As the value of a parameter that is none, whatever stands before it; as its name, where it
  // is as long as a secret key; and as the user name or password of an endpoint.
  const std::string key = kHush + std::string(40, 'k');
  for (const char* secret :
       {"secret_access_key=", "aws_session_token=", "access_key_id=", "pass=", ""}) {
    if (url.find('?') != std::string::npos) check_hidden(url + "&" + secret + key);
    check_hidden(std::string("dynamodb:?") + secret + key + "&" + url);
  }
  for (const char* at : {"endpoint=http://u:", "endpoint=https://", "endpoint="}) {
    check_hidden(std::string("dynamodb:?") + at + kHush + "@host:80&" + url);
  }
  for (const char* at : {"endpoint=http://u:", "endpoint="}) {
    const auto beside = store::check_url(std::string("dynamodb:?") + at + kHush + "@host", given);
    FUZZ_EXPECT(!beside);
    check_refusal(beside.error());
  }
  store::GivenSettings endpoint;
  endpoint.endpoint = "http://user:" + std::string(kHush) + "@" + given.endpoint;
  const auto hidden = store::dynamo::settings_of(url, endpoint);
  FUZZ_EXPECT(!hidden);
  check_refusal(hidden.error());
  return 0;
}
