// API keys as clients send them, and the JSON of calls that make and change them. A text is a key
// in one spelling only; what is accepted is the same after it was sent and read again, and a change
// makes of any key what was sent.

#include "model/api_key.h"

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "json/text.h"

using namespace rhooks;

namespace {

bool accepted(const Result<ApiKeySpec>& key) {
  if (key) return true;
  FUZZ_EXPECT(key.error().code == ErrorCode::kInvalidArgument);
  FUZZ_EXPECT(!key.error().message.empty());
  FUZZ_EXPECT(compact_json(codec::to_problem_json(key.error())));
  return false;
}

void check_text(std::string_view text) {
  const auto key = model::parse_api_key_text(text);
  if (!key) return;
  FUZZ_EXPECT(model::to_text(*key) == text);
  FUZZ_EXPECT(model::validate_api_key_id(key->id));
  FUZZ_EXPECT(key->random.size() == model::kApiKeyRandomBytes);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::to_text(data, size);
  check_text(text);
  if (const auto key = codec::parse_new_api_key(text); accepted(key) && model::validate(*key)) {
    FUZZ_EXPECT(codec::parse_new_api_key(codec::to_json(*key).value()) == *key);
    const ApiKeySpec other{.role = Role::kAdmin, .namespaces = {"*"}, .description = "other"};
    FUZZ_EXPECT(codec::parse_api_key_changes(codec::to_changes_json(*key).value(), other) == *key);
    FUZZ_EXPECT(!model::holds_everywhere(key->namespaces) ||
                model::holds_in(key->namespaces, text));
  }
  accepted(codec::parse_api_key_changes(text, {}));
  if (const auto shown = codec::parse_api_key(text)) {
    FUZZ_EXPECT(codec::parse_api_key(codec::to_json(*shown)) == *shown);
  }
  return 0;
}
