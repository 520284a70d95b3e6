#include "cli/namespaces.h"

#include <vector>

#include "cli/app.h"
#include "cli/suggest.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

// Names that are looked at for a near one: pages of a thousand.
constexpr int kPagesMax = 5;

Result<bool> holds_something(HooksApi& hooks, const std::string& ns) {
  FetchQuery tasks;
  tasks.filter.ns = ns;
  tasks.limit = 1;
  const auto task = hooks.fetch(tasks);
  if (!task) return fail(task.error());
  if (!task->items.empty() || !task->last_evaluated_key.empty()) return true;
  FetchLogsQuery logs;
  logs.ns = ns;
  logs.limit = 1;
  const auto log = hooks.fetch_logs(logs);
  if (!log) return fail(log.error());
  return !log->items.empty() || !log->last_evaluated_key.empty();
}

Result<std::vector<std::string>> names(HooksApi& hooks) {
  std::vector<std::string> all;
  NamespacesQuery query;
  query.limit = model::kPageLimitMax;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    const auto page = hooks.namespaces(query);
    if (!page) return fail(page.error());
    for (const Namespace& item : page->items) all.push_back(item.name);
    query.start_key = page->last_evaluated_key;
    if (query.start_key.empty()) break;
  }
  return all;
}

}  // namespace

std::optional<int> report_if_empty(Commands& commands, HooksApi& hooks, const std::string& ns) {
  Io& io = commands.io();
  const auto holds = holds_something(hooks, ns);
  if (!holds) return report(io, holds.error(), kExitFailed);
  if (*holds) return std::nullopt;
  std::string message = "no namespace " + ns;
  // A server without the list is no reason to say nothing.
  if (const auto known = names(hooks)) {
    const auto near = nearest(ns, *known);
    message += near             ? "; near: " + *near
               : known->empty() ? "; there are no tasks in any"
                                : "; `rhooks namespaces` lists those that have tasks";
  }
  return report(io, Error{ErrorCode::kNotFound, message, {}}, kExitFailed);
}

}  // namespace rhooks::cli
