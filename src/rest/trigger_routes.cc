// Routes that attempt what is due.

#include "rest/routes.h"

namespace rhooks::rest {

namespace {

// Of some namespaces what is listed is what is counted: the others are not this caller's business.
HttpResponse dryrun(Hooks& hooks, const Caller& caller) {
  auto due = hooks.trigger_dryrun();
  if (!due) return error_response(due.error());
  if (!caller.reaches_all()) {
    due->more = due->more || due->count > static_cast<std::int64_t>(due->items.size());
    std::erase_if(due->items, [&](const DueTask& task) { return !caller.reaches(task.key.ns); });
    due->count = static_cast<std::int64_t>(due->items.size());
  }
  return json_response(200, codec::to_json(*due));
}

}  // namespace

void add_trigger_routes(Router& router, Hooks& hooks) {
  router.add({
      .method = "POST",
      .pattern = "/v1/trigger",
      .operation_id = "trigger",
      .tag = "trigger",
      .summary = "Attempt everything that is due",
      .description = "Answers when what was due at the call was attempted and recorded, whatever "
                     "the number, so it may take long. What its endpoint holds, by a pause or a "
                     "rate, is left for later, and counted as `held`. It takes an API key for all "
                     "namespaces.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What was attempted.", "TriggerResult"}},
      .access = Access{Where::kInAllNamespaces, Role::kWrite},
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
                     "10,000; `more` says that it stopped there. Of an API key for some "
                     "namespaces it counts those of the listed ones that are theirs.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What is due.", "DryrunResult"}},
      .access = Access{Where::kInEachNamespace, Role::kRead},
      .work = Work::kMany,
      .for_caller = [&hooks](const HttpRequest&,
                             const Caller& caller) { return dryrun(hooks, caller); },
  });
}

}  // namespace rhooks::rest
