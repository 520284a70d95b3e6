#include "cli/filter_args.h"

#include <CLI/CLI.hpp>

#include "cli/number_option.h"
#include "cli/times.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::cli {

void add_key_options(Commands& commands, CLI::App& command, TaskKey& key) {
  commands.add_namespace(command, key.ns);
  command.add_option("id,--id", key.id, "id of the task")->type_name("ID")->required();
}

void add_filter_options(Commands& commands, CLI::App& command, FilterArgs& args,
                        const FilterOptions& options) {
  commands.add_namespace(command, args.ns);
  command.add_option("--id", args.id, "ids that begin with this")->type_name("PREFIX");
  if (options.statuses != nullptr) {
    command.add_option("--status", args.status, "status of the task")->type_name(options.statuses);
  }
  command.add_option("--from", args.from, "scheduled at or after: ISO-8601, or -1h, +1h")
      ->type_name("TIME");
  command.add_option("--to", args.to, "scheduled at or before: ISO-8601, or -1h, +1h")
      ->type_name("TIME");
  command.add_option("--endpoint", args.endpoint, "for this endpoint")->type_name("NAME");
  if (options.reason) {
    command.add_option("--reason", args.reason, "FAILED for this reason: exhausted, gone, ...")
        ->type_name("REASON");
  }
  add_number(command, "--last-status", args.last_status, {model::kStatusMin, model::kStatusMax},
             "answered with this status the last time")
      ->type_name("STATUS");
}

Result<TaskFilter> make_filter(const FilterArgs& args, TimePoint now) {
  TaskFilter filter;
  filter.ns = args.ns;
  filter.id = args.id;
  filter.endpoint = args.endpoint;
  filter.reason = args.reason;
  filter.last_status = args.last_status;
  if (!args.status.empty()) {
    const auto status = codec::parse_status(args.status);
    if (!status) return fail(ErrorCode::kInvalidArgument, "--status: " + status.error().message);
    filter.status = *status;
  }
  const auto from = parse_bound("--from", args.from, now);
  if (!from) return fail(from.error());
  filter.from = *from;
  const auto to = parse_bound("--to", args.to, now);
  if (!to) return fail(to.error());
  filter.to = *to;
  return filter;
}

Result<std::optional<TimePoint>> parse_bound(const char* option, const std::string& text,
                                             TimePoint now) {
  if (text.empty()) return std::nullopt;
  const auto at = parse_when(text, now);
  if (!at) {
    return fail(ErrorCode::kInvalidArgument, std::string(option) + ": " + at.error().message);
  }
  return *at;
}

}  // namespace rhooks::cli
