// The JSON of calls that put and rotate secrets, and what a client reads of them. What is accepted
// is the same after it was sent and read again.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "json/text.h"

using namespace rhooks;

namespace {

template <typename T>
bool accepted(const Result<T>& given) {
  if (given) return true;
  FUZZ_EXPECT(given.error().code == ErrorCode::kInvalidArgument);
  FUZZ_EXPECT(!given.error().message.empty());
  FUZZ_EXPECT(compact_json(codec::to_problem_json(given.error())));
  return false;
}

void check(const Result<NewSecret>& secret, std::string_view ns, std::string_view name) {
  if (!accepted(secret)) return;
  // The rules of the model refuse it later, and here it would stand for none.
  if (secret->ns.empty() || secret->name.empty()) return;
  const auto sent = codec::to_json(*secret);
  FUZZ_EXPECT(sent);
  FUZZ_EXPECT(codec::parse_new_secret(*sent, ns, name) == *secret);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = fuzz::to_text(data, size);
  check(codec::parse_new_secret(json, "", ""), "", "");
  check(codec::parse_new_secret(json, "app", "acme"), "app", "acme");
  if (const auto rotation = codec::parse_secret_rotation(json); accepted(rotation)) {
    const auto sent = codec::to_json(*rotation);
    FUZZ_EXPECT(sent);
    FUZZ_EXPECT(codec::parse_secret_rotation(*sent) == *rotation);
  }
  if (const auto shown = codec::parse_secret(json)) {
    FUZZ_EXPECT(codec::parse_secret(codec::to_json(*shown)) == *shown);
  }
  return 0;
}
