// What DynamoDB, or what stands in its place, answers. Any bytes have a meaning; what goes
// into messages and logs is one short line; what is taken for an answer is an object.

#include <cmath>
#include <iterator>

#include "fuzz/fuzz.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/service_answer.h"

using namespace rhooks::store::dynamo;

namespace {

void expect_one_line(const std::string& text) {
  FUZZ_EXPECT(text.size() <= 512);
  for (const char c : text) FUZZ_EXPECT(c >= ' ' && c <= '~');
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rhooks::fuzz::Input input(data, size);
  constexpr int kStatuses[] = {200, 400, 403, 413, 429, 500, 503, 302, 100, 0};
  const int status = kStatuses[input.number(1) % std::size(kStatuses)];
  const std::string_view body = input.rest();

  const ServiceAnswer answer = read_answer(status, body);
  expect_one_line(answer.type);
  expect_one_line(answer.message);
  expect_one_line(throttling_reasons(answer.body));
  // Only a 200 is ever taken for done, only a 4xx for surely not done.
  const bool done = answer.meaning == Meaning::kDone;
  FUZZ_EXPECT(!done || (status == 200 && answer.type.empty()));
  const bool open =
      answer.meaning == Meaning::kServerError || answer.meaning == Meaning::kUnreadable;
  FUZZ_EXPECT(status < 500 || open);
  FUZZ_EXPECT(answer.meaning != Meaning::kOutcome || !answer.type.empty());
  for (const auto& [table, units] : consumed_capacity(answer.body)) {
    FUZZ_EXPECT(std::isfinite(units) && units > 0);
  }
  crc32_fits(body.substr(0, 12), body);

  if (const auto* item = answer.body.if_contains("Item"); item && item->is_object()) {
    for (const auto& attribute : item->get_object()) {
      const auto bytes = bytes_of(item->get_object(), attribute.key());
      if (bytes) FUZZ_EXPECT(bytes_of({{"b", bytes_value(*bytes)}}, "b") == bytes);
      text_of(item->get_object(), attribute.key());
      number_of(item->get_object(), attribute.key());
    }
    FUZZ_EXPECT(item_bytes(item->get_object()) <= body.size());
  }
  return 0;
}
