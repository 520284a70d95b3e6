#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/dynamo/client.h"
#include "store/dynamo/shard_plan.h"

namespace rhooks::store::dynamo {

// Where workers tell each other that they live and what they hold. Every write but those of a
// worker's own item happens only if the item is as it was seen.
//
// Threads: every method may be called from any thread. Blocking: all, for the answer.
// Errors: those of Client::call. A write that failed may be applied later: what is written
// carries a heartbeat or an epoch, so that the next reading tells. A heartbeat is not applied after
// a later one, so that where two readings show the same, none was written between them.
class MembershipTable {
 public:
  virtual ~MembershipTable() = default;

  // Writes the worker's item, new or not. Safe to repeat.
  virtual Result<void> write_heartbeat(const WorkerItem& self) = 0;
  // All control items, strongly consistent.
  virtual Result<MembershipSnapshot> read() = 0;
  // Makes each shard mine, under the next epoch. False: it is not as seen any more.
  virtual std::vector<Result<bool>> take(const std::string& me,
                                         std::span<const ShardItem> seen) = 0;
  // Makes each shard free. False: it is not as seen any more.
  virtual std::vector<Result<bool>> give_up(std::span<const ShardItem> seen) = 0;
  // Deletes the items of workers that are dead; those whose heartbeat changed stay.
  virtual Result<void> remove(std::span<const WorkerItem> seen) = 0;
  // Deletes the worker's own item, whichever of its heartbeats was the last to arrive.
  virtual Result<void> finish(const WorkerItem& self) = 0;
  // Gives up what is held, and writes the worker's item.
  virtual Result<void> leave(const WorkerItem& self, std::span<const ShardItem> held) = 0;
  // How far the service's clock is ahead of this machine's, by its latest answer, and to some
  // seconds only. Does not block.
  virtual std::chrono::milliseconds service_ahead() const = 0;
};

// The one in the tasks table, under kControl:
//   worker#ID  beat (N), life (B, 16 bytes), leaving (N, 0 or 1), host (S), pid (N), since (N,
//              epoch ms), ttl (N, epoch s)
//   shard#NN   owner (S, absent: free), epoch (N)
// `client` must outlive it; see membership_client_options().
std::unique_ptr<MembershipTable> dynamo_membership_table(Client& client, std::string tasks_table);

// For a client of its own: heartbeats must not wait behind the work of the store, and an answer
// that is seconds late is worth less than a new try.
ClientOptions membership_client_options(ClientOptions options);

}  // namespace rhooks::store::dynamo
