#pragma once

#include <rhooks/hooks_api.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace rhooks::cli {

// The logs that match a query as they come, each once.
//
// Logs are in the order in which attempts started, and are written when these end, so that new
// ones appear among older ones. So each round of questions goes back a little, and every tenth
// goes back two minutes; an attempt that takes longer may be missed. What was told is remembered
// for as long, and at most 100,000 logs.
//
// Threads: one. Blocking: next(), in `fetch`.
class LogFollower {
 public:
  using Fetch = std::function<Result<LogPage>(const FetchLogsQuery&)>;

  // From `query.from` on where that is set; otherwise begins with the latest `query.limit` logs.
  // `desc`, `to` and `start_key` of the query are of no meaning here.
  LogFollower(Fetch fetch, FetchLogsQuery query);

  // What is new, as far as one page tells; the first time, what is there. An error changes
  // nothing: call again.
  Result<std::vector<Log>> next();
  // Whether next() has more to tell without a wait.
  bool more() const { return !begun_ || !query_.start_key.empty(); }

 private:
  Result<std::vector<Log>> latest();
  void remember(const Log& log);
  void forget_old();

  const Fetch fetch_;
  FetchLogsQuery query_;
  bool begun_ = false;
  int rounds_ = 0;
  std::optional<TimePoint> newest_;                   // started_at, of those told
  std::optional<TimePoint> floor_;                    // what started before is not asked for
  std::set<std::pair<TimePoint, std::string>> told_;  // of those that floor_ lets come again
};

}  // namespace rhooks::cli
