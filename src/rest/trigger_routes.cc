// Routes that attempt what is due.

#include "rest/routes.h"

namespace rhooks::rest {

void add_trigger_routes(Router& router, Hooks& hooks) {
  router.add({
      .method = "POST",
      .pattern = "/v1/trigger",
      .operation_id = "trigger",
      .tag = "trigger",
      .summary = "Attempt everything that is due",
      .description = "Answers when what was due at the call was attempted and recorded, whatever "
                     "the number, so it may take long. What its endpoint holds, by a pause or a "
                     "rate, is left for later, and counted as `held`.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What was attempted.", "TriggerResult"}},
      .handler = few_at_once(
          "triggers",
          [&hooks](const HttpRequest&, const PathParameters&) { return answer(hooks.trigger()); }),
  });
  router.add({
      .method = "POST",
      .pattern = "/v1/trigger/dryrun",
      .operation_id = "triggerDryrun",
      .tag = "trigger",
      .summary = "What is due now",
      .description = "Changes nothing. What waits for its endpoint is among it. It lists the first "
                     "1000 that are due and counts up to "
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
