#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/credentials.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/dynamo/batch_requests.h"
#include "store/dynamo/client.h"
#include "store/dynamo/coordinator.h"
#include "store/dynamo/documents.h"
#include "store/dynamo/due_cache.h"
#include "store/dynamo/dynamo_store.h"
#include "store/dynamo/items.h"
#include "store/dynamo/log_rate_limiter.h"
#include "store/dynamo/namespace_registry.h"
#include "store/dynamo/row_reader.h"
#include "store/dynamo/schema.h"
#include "store/store.h"

namespace rhooks::store::dynamo {

// The store `dynamodb:`. One task is one item (and a payload item, where it is large), and
// every change of it one conditional write: `rev`, which each change renews, is the revision
// that an edit was made of and the token of a lease. Files by what they do: dynamo_store.cc (get
// and what the others share), puts.cc, edits.cc (change, remove, clear), due_claims.cc (claim,
// release, what is due), commits.cc, outbox.cc, queries.cc, open_dynamo.cc; documents.h keeps the
// documents.
//
// Threads, blocking and contract: see Store.
class DynamoStore final : public Store {
 public:
  struct Parts {
    std::unique_ptr<aws::CredentialsSource> credentials;
    std::shared_ptr<Clock> machine_clock;
    std::unique_ptr<Client> client;
    std::unique_ptr<Client> membership_client;  // see membership_client_options()
    Tables tables;
    int shards = kShardsDefault;
    DynamoTuning tuning;
    CoordinatorOptions coordinator;
    // What the due view goes by.
    std::function<DueCache::Steady()> steady = std::chrono::steady_clock::now;
  };
  DynamoStore(Parts parts, Random& random);
  ~DynamoStore() override;

  // Where the coordinator has no thread: see CoordinatorOptions::start_thread.
  std::optional<Member::Step> tick_coordinator() { return coordinator_->tick(); }

 private:
  std::vector<Result<PutResult>> do_put(std::span<const TaskRecord> records) override;
  Result<Task> do_get(const TaskKey& key, TimePoint now) override;
  Result<TaskPage> do_query_tasks(const TaskQuery& query) override;
  Result<LogPage> do_query_logs(const LogQuery& query) override;
  Result<NamespacePage> do_namespaces(const NamespaceQuery& query) override;
  std::vector<Result<Task>> do_change(std::span<const TaskKey> keys, const Edit& edit,
                                      TimePoint now) override;
  std::vector<Result<Task>> do_remove(std::span<const TaskKey> keys, TimePoint now) override;
  Result<std::size_t> do_clear(const std::string& ns, std::size_t limit) override;
  Result<ClaimResult> do_claim_due(const ClaimRequest& request) override;
  std::vector<Result<CommitOutcome>> do_commit(std::span<const Commit> commits) override;
  Result<void> do_release(std::span<const Lease> leases) override;
  Result<std::optional<TimePoint>> do_next_due(TimePoint now, Scope scope, const FlowGate* gate,
                                               Leave leave) override;
  Result<DuePage> do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                              const std::optional<DuePosition>& after) override;
  Result<Revision> do_put_document(const Document& document, const Replaces& replaces,
                                   TimePoint now) override;
  Result<StoredDocument> do_get_document(const DocumentKey& key) override;
  Result<void> do_remove_document(const DocumentKey& key,
                                  const std::optional<Revision>& revision) override;
  Result<DocumentPage> do_list_documents(const DocumentQuery& query) override;
  bool do_holds(const Lease& lease) const override;
  void do_resign() override;
  void do_finished() override;
  Result<void> do_check() override;
  Result<Description> do_describe() override;

  // A task as read: none where there is no such task; an Error where it cannot be read.
  using Loaded = Result<std::optional<StoredTask>>;
  using Items = std::vector<std::optional<Item>>;  // none where there is no such task

  // dynamo_store.cc
  Uuid fresh();
  // The items of tasks, read consistently, in the order of the keys.
  Result<Items> read_items(const std::vector<TaskKey>& keys);
  // What became of a conditional write.
  struct Written {
    struct Refusal {
      // The item as it is now; none where there is none. Error: it could not be read.
      Result<std::optional<Item>> there;
      // An earlier try of this very write may have been applied: what refuses this one can be its
      // own doing.
      bool maybe_ours = false;
    };
    std::optional<Refusal> refused;  // by its condition
    // Where it was not: what the service answered. Errors: kUnavailable (not applied),
    // kUnknownOutcome (maybe), kInternal.
    Result<boost::json::object> answer;
  };
  // Sends the writes of single tasks, all at once. `key_at` names the task of the n-th.
  std::vector<Written> write_each(std::vector<Call> calls,
                                  const std::function<const TaskKey&(std::size_t)>& key_at);
  // Tasks with their payloads, in the order of the keys or items.
  Result<std::vector<Loaded>> load(const std::vector<TaskKey>& keys);
  Result<std::vector<Loaded>> with_payloads(Items items);
  // Stores a spec as an item of its own, and gives its id. Errors: kInvalidArgument (too large),
  // kUnavailable.
  Result<std::string> put_payload(const TaskKey& key, const std::string& spec);
  void drop_payloads(const std::vector<TaskKey>& keys, Tries tries = Tries::kMany);
  std::vector<Result<PutResult>> put_tasks(std::span<const TaskRecord> records, Tries tries);
  // Tells the due view what is stored now: by this process itself, or as it was read by a
  // request that was sent then.
  void note(const Task& task, DueCache::Asked asked);
  void note_item(const TaskKey& key, const std::optional<Item>& item, DueCache::Asked asked);
  void note_gone(const TaskKey& key, DueCache::Asked asked);
  // That of a task of which only the key is known.
  int shard_with(const TaskKey& key) const;
  // Whether others may take what was leased in this life of a worker.
  bool is_dead(const std::optional<Uuid>& life) const;
  void report_unreadable(const TaskKey& key, const Error& error);
  Call get_call(const TaskKey& key) const;
  // UpdateItem of a task: sets `set`, removes the attributes named, under `condition`.
  Call update_call(const TaskKey& key, const Item& set, const std::vector<std::string>& remove,
                   const std::string& condition, boost::json::object values) const;
  // DeleteItem of a task as it was seen.
  Call delete_call(const Item& seen) const;
  // One whole-state write on top of revision `seen`, which ends the lease.
  Call state_call(const model::TaskRecord& record, const Uuid& seen, const Uuid& rev, Item more,
                  std::vector<std::string> remove) const;

  // The service deletes these payloads from then on, as it does their tasks. Whoever brings such a
  // task back gives it another payload.
  struct Expiring {
    TaskKey key;
    TimePoint at{};
  };
  void expire_payloads(const std::vector<Expiring>& payloads);

  // outbox.cc (see outbox.h)
  struct Outbox {
    TaskKey task;
    std::string bytes;  // of `ob`
  };
  enum class OutboxEnd { kPut, kUnreadable, kLeft };  // kLeft: others have to go on with it
  // Puts what waits there.
  std::vector<OutboxEnd> put_outboxes(const std::vector<Outbox>& outboxes, Tries tries);
  // Takes `ob` and a lease out of this item, which is due from then on when its state says so.
  Call emptied_call(const Item& item, OutboxEnd end);
  // The second and the third step for these items, of tasks whose outcome is stored. False for each
  // that others have to go on with: it is as it was, as far as is known. What follows is put by one
  // try: nobody waits for it who has others' outcomes to store, or tasks to hand out.
  std::vector<bool> finish_outboxes(const std::vector<Item>& items);

  // Calls of put, change, remove and commit under way.
  class Putting;
  class Changing;
  class Removing;
  class Committing;

  // edits.cc
  Result<std::vector<Item>> first_rows(const std::string& table, const std::string& ns,
                                       const char* attributes, std::size_t limit);
  Result<void> delete_rows(const std::vector<Item>& rows, std::size_t& count);
  Result<void> clear_logs(const std::string& ns);

  // due_claims.cc
  Result<std::vector<int>> shards_of(Scope scope);
  Result<void> read_due(std::vector<int>& shards, TimePoint now, TimePoint due_by, bool hurry);
  Result<void> confirm(const std::vector<DueCache::Candidate>& candidates);
  struct Claiming;
  struct Claimed;
  Call claim_call(const Claiming& claiming, const ClaimRequest& request) const;
  Result<void> claim_candidates(const ClaimRequest& request,
                                const std::vector<DueCache::Candidate>& candidates,
                                ClaimResult& result);
  void send_claims(std::vector<Claiming> claiming, const ClaimRequest& request, Claimed& claimed);
  std::optional<Uuid> token_of_the_dead(const Claiming& refused,
                                        const std::optional<Item>& item) const;
  Result<void> hand_out(std::vector<Claiming> leased, Items items, ClaimResult& result);
  void give_back(const Lease& lease);
  void finish_claimed(std::vector<Claiming>& leased, Items& items);
  std::optional<SetAside> set_aside(const Lease& lease, const Error& why);
  Result<std::vector<DueCache::Row>> peek_rows(TimePoint due_by, std::size_t limit,
                                               const std::optional<DuePosition>& after, bool& more);

  // queries.cc
  Result<TaskPage> tasks_by_id(const TaskQuery& query);
  Result<TaskPage> tasks_by_date(const TaskQuery& query);
  // Shows what the rows lead to. `read` gives a row's task, `position` is that of a sort key.
  Result<TaskPage> task_page(
      const TaskQuery& query, RowReader reader, std::string_view sort_key, bool filtered,
      const std::function<Result<std::vector<Loaded>>(std::span<const Item>)>& read,
      const std::function<TaskPosition(const std::string&)>& position);
  bool shows(const TaskQuery& query, const StoredTask& stored) const;
  Result<std::vector<Item>> whole_logs(std::vector<Item> rows);

  Parts parts_;
  Client& client_;
  BatchRequests batches_;
  NamespaceRegistry registry_;
  Documents documents_;
  UuidGenerator uuids_;
  DueCache due_;
  std::vector<int> all_shards_;
  std::unique_ptr<Coordinator> coordinator_;
  LogRateLimiter outbox_log_;  // of what follows from outcomes and is not stored yet

  Mutex reported_mutex_;
  // Unreadable tasks that were logged; bounded.
  std::set<TaskKey> reported_ RHOOKS_GUARDED_BY(reported_mutex_);
};

// The answer of a request that only fails for reasons that the caller cannot treat.
Result<boost::json::object> answer_of(Result<Reply> reply, const std::string& table);

// Where a query goes on after this answer; empty: nowhere.
boost::json::object start_key_after(const boost::json::object& answer);

// How often something is read again because others changed it in between.
inline constexpr int kRacesMax = 20;
Error not_found(const TaskKey& key);
Error always_changing(const TaskKey& key);
// Where an outbox could not be emptied (outbox.h).
Error not_finished(const TaskKey& key);
// After a failed condition where an earlier try of the same call may have been applied.
Error maybe_done(const TaskKey& key);
// Whether a write left this item so, with that revision; or another did on top of it, which
// the payload shows.
bool is_from(const Item& item, const Uuid& rev, const std::optional<TaskKey>& payload);

}  // namespace rhooks::store::dynamo
