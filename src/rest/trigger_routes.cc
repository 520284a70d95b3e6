// Routes that attempt what is due.

#include <atomic>

#include "rest/routes.h"

namespace rhooks::rest {

namespace {

// A trigger holds its handler thread until everything due was attempted. A few at a time are
// enough, and leave threads for the other routes.
constexpr int kTriggersMax = 4;

class Slot {
 public:
  explicit Slot(std::atomic<int>& used) : used_(used), taken_(used.fetch_add(1) < kTriggersMax) {}
  ~Slot() { used_.fetch_sub(1); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool taken() const { return taken_; }

 private:
  std::atomic<int>& used_;
  const bool taken_;
};

}  // namespace

void add_trigger_routes(Router& router, Hooks& hooks) {
  auto running = std::make_shared<std::atomic<int>>(0);
  router.add({
      .method = "POST",
      .pattern = "/v1/trigger",
      .operation_id = "trigger",
      .tag = "trigger",
      .summary = "Attempt everything that is due",
      .description = "Answers when what was due at the call was attempted and recorded, whatever "
                     "the number, so it may take long.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What was attempted.", "TriggerResult"}},
      .handler =
          [&hooks, running](const HttpRequest&, const PathParameters&) {
            const Slot slot(*running);
            if (!slot.taken()) {
              return error_response(
                  {ErrorCode::kOverloaded,
                   std::to_string(kTriggersMax) + " triggers are running already; try again later",
                   ""});
            }
            return answer(hooks.trigger());
          },
  });
  router.add({
      .method = "POST",
      .pattern = "/v1/trigger/dryrun",
      .operation_id = "triggerDryrun",
      .tag = "trigger",
      .summary = "What a trigger would attempt now",
      .description = "Changes nothing. It lists the first 1000 that are due and counts up to "
                     "10,000; `more` says that it stopped there.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What is due.", "DryrunResult"}},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest&,
                          const PathParameters&) { return answer(hooks.trigger_dryrun()); },
  });
}

}  // namespace rhooks::rest
