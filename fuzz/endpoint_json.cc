// The JSON of calls that put, change and test endpoints, and what a store keeps of them. An
// endpoint that is accepted is the same after it was written, to be sent, shown or stored, and read
// again; changing one by all that it is changes nothing.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "json/text.h"

using namespace rhooks;

namespace {

void check_refused(const Error& error) {
  FUZZ_EXPECT(error.code == ErrorCode::kInvalidArgument);
  FUZZ_EXPECT(!error.message.empty());
  FUZZ_EXPECT(compact_json(codec::to_problem_json(error)));
}

void check(const Result<Endpoint>& endpoint, std::string_view ns, std::string_view name) {
  if (!endpoint) return check_refused(endpoint.error());
  // The rules of the model refuse it later, and here it would stand for none.
  if (endpoint->ns.empty() || endpoint->name.empty() || endpoint->url.empty()) return;
  const auto sent = codec::to_put_json(*endpoint);
  FUZZ_EXPECT(sent);
  FUZZ_EXPECT(codec::parse_new_endpoint(*sent, ns, name) == *endpoint);
  FUZZ_EXPECT(codec::parse_new_endpoint(codec::to_json(*endpoint), ns, name) == *endpoint);

  auto stored = codec::parse_stored_endpoint(codec::to_stored_json(*endpoint));
  FUZZ_EXPECT(stored);
  stored->ns = endpoint->ns;
  stored->name = endpoint->name;
  FUZZ_EXPECT(*stored == *endpoint);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = fuzz::to_text(data, size);
  check(codec::parse_new_endpoint(json, "", ""), "", "");
  check(codec::parse_new_endpoint(json, "app", "acme"), "app", "acme");

  Endpoint before;
  before.ns = "app";
  before.name = "acme";
  before.url = "http://a/";
  before.headers = {{"X-A", "1"}, {"X-B", "2"}};
  if (const auto changed = codec::parse_endpoint_changes(json, before)) {
    const auto again = codec::parse_endpoint_changes(json, *changed);
    FUZZ_EXPECT(again == *changed);
  } else {
    check_refused(changed.error());
  }

  if (const auto request = codec::parse_test_request(json)) {
    const auto sent = codec::to_test_json(*request);
    FUZZ_EXPECT(sent);
    FUZZ_EXPECT(codec::parse_test_request(*sent) == *request);
  } else {
    check_refused(request.error());
  }

  if (const auto stored = codec::parse_stored_endpoint(json)) {
    FUZZ_EXPECT(codec::parse_stored_endpoint(codec::to_stored_json(*stored)) == *stored);
  } else {
    FUZZ_EXPECT(stored.error().code == ErrorCode::kCorrupt);
  }
  return 0;
}
