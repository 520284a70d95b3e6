#include "cli/consent.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/app.h"
#include "cli/namespaces.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

// What is counted before the question, at most: "at least so many" is enough to know.
constexpr std::int64_t kCountMax = 100'000;
constexpr int kCountPagesMax = 1'000;  // a page may be empty, and not the last one

std::int64_t count_in(const TaskPage& page, const Plan& plan) {
  return std::count_if(page.items.begin(), page.items.end(),
                       [&](const Task& task) { return !plan.acts_on || plan.acts_on(task); });
}

Result<Counted> count(Io& io, HooksApi& hooks, const Plan& plan) {
  FetchQuery query;
  query.filter = plan.filter;
  query.limit = model::kPageLimitMax;
  Progress progress(io);
  Counted counted;
  for (int pages = 0; pages < kCountPagesMax; ++pages) {
    const auto page = hooks.fetch(query);
    if (!page) return fail(page.error());
    counted.count += count_in(*page, plan);
    query.start_key = page->last_evaluated_key;
    counted.more = !query.start_key.empty();
    if (plan.most > 0 && counted.count >= plan.most) return Counted{plan.most, false};
    if (!counted.more || counted.count >= kCountMax) break;
    progress.update("counted " + grouped(counted.count));
  }
  return counted;
}

std::string question(const char* verb, const std::string& what) {
  std::string text = std::string(verb) + " " + what + "?";
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace

std::string tasks_of(std::int64_t n, const std::string& which) {
  return grouped(n) + " " + which + (n == 1 ? "task" : "tasks");
}

std::string restrictions(const FilterArgs& filter) {
  std::string text;
  if (!filter.id.empty()) text += " with an id that begins with \"" + filter.id + "\"";
  if (!filter.from.empty()) text += " from " + filter.from;
  if (!filter.to.empty()) text += " to " + filter.to;
  if (!filter.endpoint.empty()) text += " for the endpoint " + filter.endpoint;
  if (!filter.reason.empty()) text += ", " + filter.reason;
  if (filter.last_status) text += ", last answered with " + std::to_string(*filter.last_status);
  return text;
}

void Consent::add_to(CLI::App& command) {
  command.add_flag("-y,--yes", yes, "do not ask for confirmation");
  command.add_flag("--dry-run", dry_run, "count what it would act on, and change nothing");
}

std::string Counted::json() const {
  return "{\"count\":" + std::to_string(count) + ",\"more\":" + (more ? "true" : "false") + "}";
}

std::optional<int> ask(Commands& commands, HooksApi& hooks, const Consent& consent,
                       const Plan& plan) {
  if (!consent.counts()) return std::nullopt;
  Io& io = commands.io();
  const auto counted = count(io, hooks, plan);
  if (!counted) return report(io, counted.error(), kExitFailed);
  if (counted->count == 0) {
    if (const auto missing = report_if_empty(commands, hooks, plan.filter.ns)) return missing;
  }
  const std::string what = plan.describe(*counted);
  if (what.empty()) {
    if (commands.json()) print_json(io, counted->json());
    io.err << "no task matches\n";
    return kExitDone;
  }
  if (!consent.dry_run) return refuse_unless_confirmed(io, question(plan.verb, what));
  if (commands.json()) {
    print_json(io, counted->json());
  } else {
    io.out << "would " << plan.verb << ' ' << what << '\n';
  }
  return kExitDone;
}

std::optional<int> refuse_unless_askable(Io& io, const Consent& consent) {
  if (!consent.counts() || consent.dry_run || io.in_is_terminal) return std::nullopt;
  return refuse_unless_confirmed(io, {});
}

}  // namespace rhooks::cli
