#include "cli/when_args.h"

#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "cli/times.h"
#include "cli/usage.h"

namespace rhooks::cli {
namespace {}  // namespace

void WhenArgs::add_to(CLI::App& command) {
  command
      .add_option("--at", at,
                  "when: ISO-8601 with an offset; a local time (2030-01-31 12:00); from now on "
                  "(30s, 5m, 1h, 1d, 1w); or now [now]")
      ->type_name("TIME");
  command.add_option("--in", in, "when: so long from now on (5m)")->type_name("TIME");
  command
      .add_option("--tz", tz, "zone of a local time: Europe/Berlin [TZ, or that of this machine]")
      ->type_name("ZONE");
}

Result<std::optional<Moment>> WhenArgs::moment(const Io& io) const {
  if (!at.empty() && !in.empty()) {
    return usage("--at and --in exclude each other; --in 5m is --at +5m");
  }
  if (at.empty() && !tz.empty()) {
    return usage("--tz says where a local time is; add it, as in --at '2030-01-31 12:00'");
  }
  if (!in.empty()) {
    const auto length = parse_duration(in.starts_with('+') ? in.substr(1) : in);
    if (!length) return usage("--in: " + length.error().message + "; a moment is given by --at");
    const auto due = parse_when(in.starts_with('+') ? in : "+" + in, io.now());
    if (!due) return usage("--in: " + due.error().message);
    return Moment{*due, {}};
  }
  if (at.empty()) return std::nullopt;
  auto parsed = parse_moment(at, tz, io.environment, io.now());
  // A refusal of the zone names it already.
  if (!parsed) {
    return usage((parsed.error().message.starts_with("--tz") ? "" : "--at: ") +
                 parsed.error().message);
  }
  return std::move(*parsed);
}

}  // namespace rhooks::cli
