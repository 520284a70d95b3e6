#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <chrono>
#include <string>

#include "store/dynamo/client.h"
#include "store/dynamo/schema.h"

namespace rhooks::store::dynamo {

struct TablesOptions {
  bool create = false;  // make what is missing: tables, and indexes of tables that exist
  // Into how many parts the due tasks are divided, which is settled when the tables are made.
  // 0: as it is stored, or kShardsDefault in new tables.
  int shards = 0;
  // For messages: where was looked. "region eu-west-1, endpoint https://…".
  std::string where;
  TimePoint now{};  // kept with new tables, for people
  // The service makes tables in seconds to minutes.
  std::chrono::milliseconds active_timeout{180'000};
  std::chrono::milliseconds poll_interval{1'000};
};

struct TablesReady {
  int shards = kShardsDefault;
};

// Sees to it that both tables can be worked on: that they exist and have the indexes of schema.h
// (made where `create` says so, and in tables billed on demand only), have its keys, and are ACTIVE
// with all these indexes; that it is written down how many shards there are, where the first to
// write that down wins; and that expired logs are deleted (TimeToLive; made so where `create` says
// so, and only warned about where not, since expired logs are never shown). Further indexes are
// left alone. No table that exists is altered where it has another shape, or a format that this
// program may not use.
//
// Threads: any. Safe to repeat, and when several processes start at once.
// Blocking: until all is ACTIVE, at most for active_timeout and one request. An index of a large
// table can take longer; another call goes on from there.
// Errors: kUnavailable (a table is missing and `create` is not set, does not get ACTIVE, an index
// is refused, or what Client::call gives), kInvalidArgument (of `store`: a table has another shape,
// lacks an index that is not added, has other shards, an impossible name), kUnsupported (a newer
// format), kCorrupt.
// API pages: API_CreateTable, API_DescribeTable, API_UpdateTable, API_DescribeTimeToLive,
// API_UpdateTimeToLive below https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/.
Result<TablesReady> prepare_tables(Client& client, const Tables& tables,
                                   const TablesOptions& options);

}  // namespace rhooks::store::dynamo
