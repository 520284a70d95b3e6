// The JSON of register calls, one task and many. A task that is accepted is the same after
// to_json() and parsing again; an error can be shown as a problem document; and compact_json()
// of what it made changes nothing.

#include "codec/public_json.h"
#include "fuzz/fuzz.h"
#include "json/text.h"

using namespace rhooks;

namespace {

void check(const Result<NewTask>& task, std::string_view ns) {
  if (!task) {
    // Members of a schedule that are reserved.
    FUZZ_EXPECT(task.error().code == ErrorCode::kInvalidArgument ||
                task.error().code == ErrorCode::kUnsupported);
    FUZZ_EXPECT(!task.error().message.empty());
    FUZZ_EXPECT(compact_json(codec::to_problem_json(task.error())));
    return;
  }
  // The rules of the model refuse it later, and here it would stand for none.
  if (task->ns.empty()) return;
  const auto text = codec::to_json(*task);
  FUZZ_EXPECT(text);
  const auto again = codec::parse_new_task(*text, ns);
  FUZZ_EXPECT(again);
  FUZZ_EXPECT(*task == *again);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = fuzz::to_text(data, size);
  check(codec::parse_new_task(json, ""), "");
  check(codec::parse_new_task(json, "app"), "app");

  if (const auto tasks = codec::parse_new_tasks(json)) {
    for (const Result<NewTask>& task : *tasks) check(task, "");
  } else {
    FUZZ_EXPECT(tasks.error().code == ErrorCode::kInvalidArgument);
  }

  if (const auto compact = compact_json(json)) {
    FUZZ_EXPECT(compact_json(*compact) == *compact);
  }
  return 0;
}
