// The bytes of the embedded store. What is read gives the same bytes when it is written, since
// every value has one form; log_expiry() sees what the whole log says.
//
// An input is 'r', the length of the spec in two bytes, highest first, the spec and the state
// of a task; 'l' and a log; 'd' and a document; 's' and the data of one that is a
// secret; or 'k' and that of one that is an API key.

#include "codec/stored.h"
#include "fuzz/fuzz.h"

using namespace rhooks;

namespace {

void check_record(fuzz::Input input) {
  const std::size_t spec_bytes = input.number(2);
  const std::string_view spec = input.text(spec_bytes);
  const std::string_view state = input.rest();
  const TaskKey key{"app", "order-1"};
  const auto record = codec::decode_record(key, spec, state);
  if (!record) {
    FUZZ_EXPECT(record.error().code == ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(record->task.key == key);
  const std::string spec_again = codec::encode_spec(*record);
  const std::string state_again = codec::encode_state(*record);
  FUZZ_EXPECT(spec_again == spec);
  FUZZ_EXPECT(state_again == state);
  FUZZ_EXPECT(codec::decode_record(key, spec_again, state_again) == *record);
}

void check_log(std::string_view bytes) {
  const TimePoint started_at{std::chrono::milliseconds{1}};
  const auto expiry = codec::log_expiry(bytes);
  const auto log = codec::decode_log("app", started_at, "log-1", bytes);
  if (!log) {
    FUZZ_EXPECT(log.error().code == ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(expiry);
  FUZZ_EXPECT(*expiry == log->expires_at);
  const std::string again = codec::encode_log(*log);
  // Less what a newer build knows of it: a log is not written again.
  FUZZ_EXPECT(again.size() <= bytes.size());
  FUZZ_EXPECT(codec::decode_log("app", started_at, "log-1", again) == *log);
}

void check_document(std::string_view bytes) {
  const model::DocumentKey key{"kind", "app", "name"};
  const auto document = codec::decode_document(key, bytes);
  if (!document) {
    FUZZ_EXPECT(document.error().code == ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(document->key == key);
  FUZZ_EXPECT(codec::encode_document(*document) == bytes);
}

void check_secret(std::string_view bytes) {
  const model::DocumentKey key{"secret", "app", "name"};
  const auto secret = codec::decode_secret(key, bytes);
  if (!secret) {
    FUZZ_EXPECT(secret.error().code == ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(codec::encode_secret(*secret) == bytes);
}

void check_api_key(std::string_view bytes) {
  const auto key = codec::decode_api_key({"key", "", "aaaaaaaaaaaa"}, bytes);
  if (!key) {
    FUZZ_EXPECT(key.error().code == ErrorCode::kCorrupt);
    return;
  }
  FUZZ_EXPECT(codec::encode_api_key(*key) == bytes);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  switch (input.number(1)) {
    case 'r':
      check_record(input);
      break;
    case 'l':
      check_log(input.rest());
      break;
    case 'd':
      check_document(input.rest());
      break;
    case 's':
      check_secret(input.rest());
      break;
    case 'k':
      check_api_key(input.rest());
      break;
    default:
      break;
  }
  return 0;
}
