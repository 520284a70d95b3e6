// A register call all the way to the request that is sent for it. A task that the rules accept
// is the same after it was stored and after it was shown; a schedule goes on in time; only its body
// can keep it from being sent, libcurl takes its URL, which never leaves that of its endpoint, and
// nothing in it can break out of the request's lines.

#include <curl/curl.h>

#include "codec/public_json.h"
#include "codec/stored.h"
#include "delivery/request_builder.h"
#include "fuzz/fuzz.h"
#include "model/new_task.h"
#include "schedule/zones.h"

using namespace rhooks;

namespace {

constexpr TimePoint kNow{std::chrono::milliseconds{1'769'862'896'789}};

bool holds_control(std::string_view text, bool tabs_too) {
  return std::any_of(text.begin(), text.end(), [=](char c) {
    return static_cast<unsigned char>(c) < 0x20 ? tabs_too || c != '\t' : c == 0x7f;
  });
}

void check_request(const Task& task) {
  Endpoint endpoint;
  endpoint.url = "https://example.com/in?a=1";
  const auto built =
      delivery::build_request(task, kNow, task.endpoint.empty() ? nullptr : &endpoint);
  if (!built) {
    FUZZ_EXPECT(built.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(built.error().field == "body");
    return;
  }
  const std::string& url = built->request.url;
  FUZZ_EXPECT(url.find("://") != std::string::npos);
  FUZZ_EXPECT(task.endpoint.empty() || url.starts_with("https://example.com/in"));
  FUZZ_EXPECT(!holds_control(url, true));
  FUZZ_EXPECT(url.find_first_of(" #") == std::string::npos);
  CURLU* const parsed = curl_url();
  FUZZ_EXPECT(curl_url_set(parsed, CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS) == CURLUE_OK);
  curl_url_cleanup(parsed);
  for (const Header& header : built->request.headers) {
    FUZZ_EXPECT(!header.name.empty());
    FUZZ_EXPECT(!holds_control(header.name, true));
    FUZZ_EXPECT(!holds_control(header.value, false));
  }
}

// UTC and offsets alone, so that nothing hangs on the machine.
Result<std::shared_ptr<const schedule::Timetable>> times_of(NewTask& task) {
  static const schedule::Zones zones("/nowhere");
  if (task.schedule) task.schedule->since = kNow;
  return schedule::timetable_of(task, zones);
}

void check_times(const schedule::Timetable& times) {
  TimePoint at = times.first_occurrence();
  FUZZ_EXPECT(at >= kNow);
  for (int i = 0; i < 3; ++i) {
    FUZZ_EXPECT(times.contains(at));
    const auto next = times.next(at);
    if (!next) return;
    FUZZ_EXPECT(*next > at);
    at = *next;
  }
}

bool is_refusal(const Error& error) {
  return !error.field.empty() &&
         (error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kUnsupported);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto parsed = codec::parse_new_task(fuzz::to_text(data, size), "app");
  if (!parsed) return 0;
  if (const auto valid = model::validate(*parsed); !valid) {
    FUZZ_EXPECT(is_refusal(valid.error()));
    return 0;
  }
  const auto times = times_of(*parsed);
  if (!times) {
    FUZZ_EXPECT(is_refusal(times.error()));
    return 0;
  }
  if (*times) check_times(**times);
  const model::TaskRecord record =
      model::make_record(std::move(*parsed), kNow, Uuid{}, times->get());
  FUZZ_EXPECT(codec::decode_record(record.task.key, codec::encode_spec(record),
                                   codec::encode_state(record)) == record);
  FUZZ_EXPECT(codec::parse_task(codec::to_json(record.task)) == record.task);
  check_request(record.task);
  return 0;
}
