// What a server, or what stands in its place, answers a client. Any bytes give a value or an
// honest error; what was understood and can be written is understood the same again.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "json/text.h"

using namespace rhooks;

namespace {

template <typename T>
void check(const Result<T>& read) {
  if (read) return;
  FUZZ_EXPECT(read.error().code == ErrorCode::kInternal);
  FUZZ_EXPECT(!read.error().message.empty());
}

// Writing brings the values to their usual form, so from then on nothing changes.
template <typename T>
void check_round_trip(const Result<T>& read, Result<T> (*parse)(std::string_view)) {
  check(read);
  if (!read) return;
  const std::string json = codec::to_json(*read);
  const auto again = parse(json);
  FUZZ_EXPECT(again);
  FUZZ_EXPECT(codec::to_json(*again) == json);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = fuzz::to_text(data, size);
  check_round_trip(codec::parse_task(json), &codec::parse_task);
  check_round_trip(codec::parse_task_page(json), &codec::parse_task_page);
  check_round_trip(codec::parse_log(json), &codec::parse_log);
  check_round_trip(codec::parse_log_page(json), &codec::parse_log_page);
  check_round_trip(codec::parse_namespace_page(json), &codec::parse_namespace_page);
  check_round_trip(codec::parse_endpoint(json), &codec::parse_endpoint);
  check_round_trip(codec::parse_endpoint_page(json), &codec::parse_endpoint_page);
  check_round_trip(codec::parse_redrive(json), &codec::parse_redrive);
  check_round_trip(codec::parse_preview(json), &codec::parse_preview);
  check_round_trip(codec::parse_many_result(json), &codec::parse_many_result);
  check_round_trip(codec::parse_trigger_result(json), &codec::parse_trigger_result);
  check_round_trip(codec::parse_dryrun_result(json), &codec::parse_dryrun_result);
  check_round_trip(codec::parse_store_description(json), &codec::parse_store_description);
  check(codec::parse_registrations(json));
  check(codec::parse_count(json));

  const Error error = codec::parse_problem_json(503, json);
  FUZZ_EXPECT(!error.message.empty());
  FUZZ_EXPECT(compact_json(codec::to_problem_json(error)));
  return 0;
}
