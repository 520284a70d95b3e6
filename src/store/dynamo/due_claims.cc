// What is due: the due index, read shard by shard into the due cache, and claims of what it holds.

#include <algorithm>
#include <system_error>
#include <utility>

#include "observe/logging.h"
#include "store/dynamo/store_impl.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

// How often in a row a claim may come to nothing because others took what it had picked.
constexpr int kIdleRoundsMax = 10;
// Tasks that are looked at at once to find the next that is due: at first one, which mostly is
// it, and more where others turn out to hold leases on what comes first.
constexpr std::size_t kConfirmedMax = 64;
// Rows of one request after the first of a read.
constexpr std::size_t kNextRows = 500;
// A read of a shard ends after so many rows, and another goes on behind it: between two times if it
// can, so that of what is due at the same time none comes late.
constexpr std::size_t kReadRows = 1'000;
constexpr std::size_t kReadRowsMax = 5'000;

// What was picked for a claim may be picked again after it, whatever it came to: also where there
// was no memory for it.
struct PutBack {
  DueCache& cache;
  const std::vector<DueCache::Candidate>& candidates;
  ~PutBack() { cache.put_back(candidates); }
};

struct ShardRead {
  int shard = 0;
  DueCache::ToRead what;
  DueCache::Steady started;
  std::vector<DueCache::Row> rows;
  json::object start_key;     // of the next request; empty: as the condition says
  bool ended = false;         // the index holds no more of this shard
  std::size_t looked_at = 0;  // rows, and so many of them can be claimed
  std::size_t claimable = 0;
  bool cut_off = false;  // at kReadRowsMax
  bool failed = false;
};

std::vector<DueCache::Row> rows_of(const json::object& answer) {
  std::vector<DueCache::Row> rows;
  const json::value* const items = answer.if_contains("Items");
  if (!items || !items->is_array()) return rows;
  for (const json::value& value : items->get_array()) {
    if (!value.is_object()) continue;
    const auto due = number_of(value.get_object(), "due");
    if (!due) continue;
    const Item& item = value.get_object();
    rows.push_back({key_of(item), from_millis(*due), flow_of(item)});
  }
  return rows;
}

bool in_order(const DueCache::Row& a, const DueCache::Row& b) {
  return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
}

Call due_query(const std::string& table, const char* condition, json::object values,
               std::size_t limit, const json::object& start_key) {
  json::object request{{"TableName", table},
                       {"IndexName", kDueIndex},
                       {"KeyConditionExpression", condition},
                       {"ExpressionAttributeValues", std::move(values)},
                       {"Limit", limit}};
  if (!start_key.empty()) request["ExclusiveStartKey"] = start_key;
  return {Operation::kQuery, std::move(request)};
}

json::object start_key_of(int shard, const DueCache::ToRead& read) {
  if (!read.after) return {};
  json::object key = key_item(*read.after);
  key["sh"] = number_value(shard);
  key["due"] = number_value(to_millis(read.from));
  return key;
}

Call due_query(const std::string& table, const ShardRead& read, std::size_t limit) {
  json::object values{{":sh", number_value(read.shard)}};
  if (read.what.from <= kTimeMin) {
    return due_query(table, "sh = :sh", std::move(values), limit, read.start_key);
  }
  values[":from"] = number_value(to_millis(read.what.from));
  return due_query(table, "sh = :sh AND due >= :from", std::move(values), limit, read.start_key);
}

void take_rows(ShardRead& read, const json::object& answer) {
  const auto rows = rows_of(answer);
  read.rows.insert(read.rows.end(), rows.begin(), rows.end());
  read.start_key = start_key_after(answer);
  read.ended = read.start_key.empty();
}

// Whether more has to be read to know what is due by then, or as many claimable rows as are wanted.
bool wants_more(ShardRead& read, const DueCache& cache, TimePoint now, TimePoint due_by) {
  if (read.ended || (!read.rows.empty() && read.rows.back().due_at > due_by)) return false;
  read.cut_off = read.rows.size() >= kReadRowsMax;
  if (read.cut_off) return false;
  // Of the last moment there may be more: only what is due before it is known completely.
  const auto last_moment = std::partition_point(
      read.rows.begin(), read.rows.end(),
      [&](const DueCache::Row& row) { return row.due_at < read.rows.back().due_at; });
  const std::span known(read.rows.begin(), last_moment);
  if (read.rows.size() >= kReadRows && !known.empty()) return false;
  read.claimable += cache.claimable(read.shard, known.subspan(read.looked_at), now);
  read.looked_at = known.size();
  return read.claimable < std::max<std::size_t>(1, read.what.rows / 2);
}

DueCache::ReadTo end_of(const ShardRead& read) {
  if (read.ended) return {};
  if (read.cut_off) return {read.rows.back().due_at, read.rows.back().key};
  // Others may be due at the very moment of the last row.
  return {read.rows.back().due_at - std::chrono::milliseconds{1}};
}

// What peek_due() reads of a shard: as many rows as could be shown, and those due at the same
// moment as the last: the index has no order among them.
struct ShardPeek {
  int shard = 0;
  std::vector<DueCache::Row> rows;  // the first ones in order, one more than are asked for
  json::object start_key;
  TimePoint through = kTimeMax;  // all up to here were read
};

// Takes the rows after `after`. False: they are as many as could be shown, or all that there are.
bool take_page(ShardPeek& peek, const json::object& answer, std::size_t limit,
               const std::optional<DuePosition>& after) {
  TimePoint read_to = kTimeMin;
  for (DueCache::Row& row : rows_of(answer)) {
    read_to = row.due_at;
    if (after && std::tie(row.due_at, row.key) <= std::tie(after->due_at, after->key)) continue;
    peek.rows.push_back(std::move(row));
  }
  std::sort(peek.rows.begin(), peek.rows.end(), in_order);
  if (peek.rows.size() > limit + 1) peek.rows.resize(limit + 1);
  peek.start_key = start_key_after(answer);
  if (peek.start_key.empty()) return false;
  if (peek.rows.size() <= limit || peek.rows.back().due_at >= read_to) return true;
  peek.through = read_to - std::chrono::milliseconds{1};
  return false;
}

}  // namespace

Result<std::vector<int>> DynamoStore::shards_of(Scope scope) {
  if (scope == Scope::kAll) return all_shards_;
  try {
    coordinator_->join();
  } catch (const std::system_error& no_thread) {
    return fail(ErrorCode::kUnavailable,
                std::string("sharing work with other workers: ") + no_thread.what());
  }
  return coordinator_->owned();
}

// Reads of each shard what has to be read, all at once, until it has what is due by then or as many
// claimable rows as are wanted. Shards that cannot be read are taken off the list: one that is
// throttled must not hold up the others.
Result<void> DynamoStore::read_due(std::vector<int>& shards, TimePoint now, TimePoint due_by,
                                   bool hurry) {
  std::vector<ShardRead> reads;
  const auto started = parts_.steady();
  for (const int shard : shards) {
    if (const auto what =
            due_.to_read(shard, now, due_by, parts_.tuning.read_every, started, hurry)) {
      ShardRead read;
      read.shard = shard;
      read.what = *what;
      read.what.rows = std::min(what->rows, parts_.tuning.request_rows_max);
      read.start_key = start_key_of(shard, *what);
      read.started = started;
      reads.push_back(std::move(read));
    }
  }
  std::optional<Error> error;
  std::vector<ShardRead*> open;
  for (ShardRead& read : reads) open.push_back(&read);
  while (!open.empty()) {
    std::vector<Call> calls;
    for (const ShardRead* const read : open) {
      const std::size_t rows = read->rows.empty()
                                   ? read->what.rows
                                   : std::min(kNextRows, parts_.tuning.request_rows_max);
      calls.push_back(due_query(parts_.tables.tasks, *read, rows));
    }
    auto replies = client_.call_all(std::move(calls));
    std::vector<ShardRead*> more;
    for (std::size_t i = 0; i < open.size(); ++i) {
      ShardRead& read = *open[i];
      auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
      if (!answer) {
        error = std::move(answer.error());
        read.failed = true;
        std::erase(shards, read.shard);
        continue;
      }
      take_rows(read, *answer);
      if (wants_more(read, due_, now, due_by)) more.push_back(&read);
    }
    open = std::move(more);
  }
  for (const ShardRead& read : reads) {
    if (read.failed) continue;
    due_.merge(read.shard, read.rows, end_of(read), read.started, read.what, parts_.steady());
  }
  if (error) return fail(std::move(*error));
  return {};
}

Result<ClaimResult> DynamoStore::do_claim_due(const ClaimRequest& request) {
  auto shards = shards_of(request.scope);
  if (!shards) return fail(std::move(shards.error()));
  due_.own(coordinator_->joined() ? std::optional(coordinator_->owned()) : std::nullopt);
  const TimePoint due_by = std::min(request.due_by, kTimeMax);
  ClaimResult result;
  std::optional<Error> error;
  std::size_t looked_at = 1;
  bool hurry = true;  // once a claim: what was found first is not to wait for the rest
  for (int idle = 0; idle < kIdleRoundsMax && !error; ++idle) {
    const std::size_t before = result.claims.size();
    if (auto read = read_due(*shards, request.now, due_by, std::exchange(hurry, false)); !read) {
      error = std::move(read.error());
    }
    auto picked =
        due_.pick(*shards, request.now, due_by, request.limit - result.claims.size(), request.gate);
    result.more = picked.more || due_.incomplete(*shards, due_by);
    result.waits = picked.waits;
    if (picked.candidates.empty()) {
      // Reading further may show that there is nothing more.
      if (result.claims.size() == request.limit || !result.more) break;
      continue;
    }
    if (auto claimed = claim_candidates(request, picked.candidates, result); !claimed) {
      error = std::move(claimed.error());
    }
    if (result.claims.size() == request.limit && result.more) break;
    if (result.claims.size() > before) {
      idle = -1;
    } else if (!error) {
      // Others hold leases on what comes first. To read which costs less than a refused write
      // for each.
      looked_at = std::min(4 * looked_at, kConfirmedMax);
      auto learnt = confirm(due_.unconfirmed(*shards, request.now, due_by, looked_at));
      if (!learnt) error = std::move(learnt.error());
    }
  }
  result.more = result.more || due_.hungry(*shards);
  if (error) {
    // What was claimed is the caller's, or it would wait for its lease to end.
    if (result.claims.empty() && result.set_aside.empty()) return fail(std::move(*error));
    log::warn("some due tasks could not be claimed; trying again", {{"error", error->message}});
    result.more = true;
  }
  std::sort(result.claims.begin(), result.claims.end(), [](const Claim& a, const Claim& b) {
    return std::tie(a.due_at, a.lease.key) < std::tie(b.due_at, b.lease.key);
  });
  return result;
}

// A row that is being claimed.
struct DynamoStore::Claiming {
  const DueCache::Candidate& candidate;
  Lease lease;
  std::optional<Uuid> over;  // the token of a dead worker's lease, which need not have ended
};

struct DynamoStore::Claimed {
  std::vector<Claiming> ours;
  Items items;                 // of ours
  std::vector<Claiming> dead;  // refused by leases of dead workers, and to be sent once more
  std::optional<Error> error;
};

Call DynamoStore::claim_call(const Claiming& claiming, const ClaimRequest& request) const {
  const Lease& lease = claiming.lease;
  Item set;
  set["rev"] = uuid_value(lease.token);
  set["lu"] = number_value(to_millis(lease.until));
  // That of the lease before, which has run out, may be there.
  std::vector<std::string> remove;
  if (lease.life == Uuid{}) {
    remove.emplace_back("wl");
  } else {
    set["wl"] = uuid_value(lease.life);
  }
  // The last alternative: an earlier try of this very request whose answer was lost. Without
  // parentheses and with the function first, since so the emulator reads it in 42 µs instead of
  // 250, which was a fifth of all that it does for a delivery.
  std::string condition =
      "attribute_not_exists(lu) AND due = :seen"
      " OR due = :seen AND lu <= :now OR rev = :rev";
  json::object values{{":seen", number_value(to_millis(claiming.candidate.due_at))},
                      {":now", number_value(to_millis(request.now))}};
  if (claiming.over) {
    condition += " OR rev = :over";
    values[":over"] = uuid_value(*claiming.over);
  }
  Call call = update_call(lease.key, set, remove, condition, std::move(values));
  call.body["ReturnValues"] = "ALL_NEW";
  return call;
}

Result<void> DynamoStore::claim_candidates(const ClaimRequest& request,
                                           const std::vector<DueCache::Candidate>& candidates,
                                           ClaimResult& result) {
  const PutBack put_back{due_, candidates};
  const Uuid life = coordinator_->life();
  std::vector<Claiming> claiming;
  for (const DueCache::Candidate& candidate : candidates) {
    Lease lease{candidate.key, uuids_.v7(request.now), request.now + request.lease_for, life};
    claiming.push_back({candidate, std::move(lease), std::nullopt});
  }
  Claimed claimed;
  send_claims(std::move(claiming), request, claimed);
  // Under the token that the refusal showed. So nothing is taken that changed since, and the dead
  // one, if it was only paused, changes nothing any more.
  if (auto dead = std::exchange(claimed.dead, {}); !dead.empty()) {
    log::info("tasks that a dead worker had in flight are attempted again",
              {{"tasks", static_cast<std::int64_t>(dead.size())}});
    send_claims(std::move(dead), request, claimed);
  }
  auto handed_out = hand_out(std::move(claimed.ours), std::move(claimed.items), result);
  if (handed_out && claimed.error) return fail(std::move(*claimed.error));
  return handed_out;
}

void DynamoStore::send_claims(std::vector<Claiming> claiming, const ClaimRequest& request,
                              Claimed& claimed) {
  std::vector<Call> calls;
  for (const Claiming& one : claiming) calls.push_back(claim_call(one, request));
  const auto asked = due_.asking();
  auto written = write_each(std::move(calls),
                            [&](std::size_t i) -> const TaskKey& { return claiming[i].lease.key; });
  const auto steady = parts_.steady();
  for (std::size_t i = 0; i < claiming.size(); ++i) {
    Claiming& one = claiming[i];
    auto& [refusal, answer] = written[i];
    if (refusal) {  // taken by others, or changed since
      if (!refusal->there) {
        claimed.error = std::move(refusal->there.error());
      } else if (const auto token = token_of_the_dead(one, *refusal->there)) {
        one.over = token;
        claimed.dead.push_back(std::move(one));
      } else {
        note_item(one.lease.key, *refusal->there, asked);
      }
    } else if (!answer) {
      // Where it was applied after all, the next claim finds the lease, or its end.
      if (answer.error().code == ErrorCode::kUnknownOutcome) coordinator_->note_left_lease();
      claimed.error = std::move(answer.error());
    } else {
      due_.leased(one.candidate, one.lease.until, asked, steady);
      claimed.ours.push_back(std::move(one));
      const json::value* const item = answer->if_contains("Attributes");
      claimed.items.push_back(item && item->is_object() ? std::optional(item->get_object())
                                                        : std::nullopt);
    }
  }
}

// The token of the lease that refused a claim, where a dead worker has it; once for each claim.
std::optional<Uuid> DynamoStore::token_of_the_dead(const Claiming& refused,
                                                   const std::optional<Item>& item) const {
  if (refused.over || !item || !is_dead(uuid_of(*item, "wl"))) return std::nullopt;
  if (number_of(*item, "due") != to_millis(refused.candidate.due_at)) return std::nullopt;
  return uuid_of(*item, "rev");
}

// Takes out what looked due because something waits there (outbox.h), and finishes that: where the
// task itself is due then, the next look finds it. Where it cannot be finished now, the lease runs
// out before it is tried again: given back, it would be claimed at once.
void DynamoStore::finish_claimed(std::vector<Claiming>& leased, Items& items) {
  std::vector<Item> outboxes;
  std::vector<Claiming> others;
  Items others_items;
  for (std::size_t n = 0; n < leased.size(); ++n) {
    if (items[n] && items[n]->contains("ob")) {
      outboxes.push_back(std::move(*items[n]));
    } else {
      others.push_back(std::move(leased[n]));
      others_items.push_back(std::move(items[n]));
    }
  }
  leased = std::move(others);
  items = std::move(others_items);
  finish_outboxes(outboxes);
}

// Where that fails, the lease runs out.
void DynamoStore::give_back(const Lease& lease) {
  if (auto released = do_release({&lease, 1}); !released) {
    log::warn("a lease could not be given back", {{"error", released.error().message}});
  }
}

// Adds what was leased to `result`, with what was registered.
Result<void> DynamoStore::hand_out(std::vector<Claiming> leased, Items items, ClaimResult& result) {
  const bool waiting = std::any_of(items.begin(), items.end(), [](const std::optional<Item>& item) {
    return item && item->contains("ob");
  });
  if (waiting) finish_claimed(leased, items);
  const auto loading = due_.asking();
  auto loaded = with_payloads(std::move(items));
  for (std::size_t n = 0; n < leased.size(); ++n) {
    auto& [candidate, lease, over] = leased[n];
    if (!loaded) {
      // Leased, but its payload cannot be had now.
      give_back(lease);
      continue;
    }
    Loaded& task = (*loaded)[n];
    if (!task) {
      if (auto aside = set_aside(lease, task.error())) {
        result.set_aside.push_back(std::move(*aside));
      }
    } else if (*task) {
      result.claims.push_back(
          Claim{std::move(lease), std::move((*task)->record.task), candidate.due_at});
    } else {  // deleted meanwhile
      note_gone(candidate.key, loading);
    }
  }
  if (!loaded) return fail(std::move(loaded.error()));
  return {};
}

// Takes an unreadable task out of the due index. Its bytes stay as they are.
std::optional<SetAside> DynamoStore::set_aside(const Lease& lease, const Error& why) {
  report_unreadable(lease.key, why);
  Item set;
  set["rev"] = uuid_value(fresh());
  const auto asked = due_.asking();
  auto reply = client_.call(update_call(lease.key, set, {"due", "lu", "wl"}, "rev = :token",
                                        {{":token", uuid_value(lease.token)}}));
  // By an earlier try whose answer was lost, most likely: nobody else had the lease.
  const bool before = reply && reply->condition_failed() && reply->maybe_applied_before;
  // Else it is met again when the lease ends.
  if (!before && !answer_of(std::move(reply), parts_.tables.tasks)) return std::nullopt;
  note_gone(lease.key, asked);
  return SetAside{lease.key, why.message};
}

bool DynamoStore::do_holds(const Lease& lease) const {
  return lease.life == Uuid{} || lease.life == coordinator_->life();
}

Result<void> DynamoStore::do_release(std::span<const Lease> leases) {
  std::vector<Call> calls;
  for (const Lease& lease : leases) {
    Item set;
    set["rev"] = uuid_value(fresh());
    calls.push_back(update_call(lease.key, set, {"lu", "wl"}, "rev = :token",
                                {{":token", uuid_value(lease.token)}}));
  }
  const auto asked = due_.asking();
  auto written =
      write_each(std::move(calls), [&](std::size_t i) -> const TaskKey& { return leases[i].key; });
  std::optional<Error> error;
  for (std::size_t i = 0; i < leases.size(); ++i) {
    const TaskKey& key = leases[i].key;
    auto& [refusal, answer] = written[i];
    if (refusal) {
      // Not current: passed over. Or an earlier try ended it, whose answer was lost.
      if (refusal->there) note_item(key, *refusal->there, asked);
    } else if (!answer) {
      error = std::move(answer.error());
    } else {
      due_.released(shard_with(key), key, asked, parts_.steady());
    }
  }
  if (!error) return {};
  coordinator_->note_left_lease();
  return fail(std::move(*error));
}

Result<std::optional<TimePoint>> DynamoStore::do_next_due(TimePoint now, Scope scope,
                                                          const FlowGate* gate, Leave leave) {
  // Who does not work on the store has no share, and does not take one by asking.
  std::vector<int> shards = scope == Scope::kAll ? all_shards_ : coordinator_->owned();
  // Those that seem claimable are looked at, until one is: others may hold leases on them, and
  // where all that was read is leased, there may be more behind it.
  TaskKey last;
  int races = 0;  // in which the first of them was changed while it was read
  for (std::size_t looked_at = 1;; looked_at = std::min(4 * looked_at, kConfirmedMax)) {
    if (auto read = read_due(shards, now, now, false); !read) return fail(std::move(read.error()));
    const auto unconfirmed = due_.unconfirmed(shards, now, now, looked_at);
    if (unconfirmed.empty() || races == kRacesMax) return due_.next(shards, now, gate, leave);
    races = unconfirmed.front().key == last ? races + 1 : 0;
    last = unconfirmed.front().key;
    if (auto learnt = confirm(unconfirmed); !learnt) return fail(std::move(learnt.error()));
  }
}

// Reads how it is with what the index tells only a part of.
Result<void> DynamoStore::confirm(const std::vector<DueCache::Candidate>& candidates) {
  std::vector<TaskKey> keys;
  for (const DueCache::Candidate& candidate : candidates) keys.push_back(candidate.key);
  const auto asked = due_.asking();
  auto items = read_items(keys);
  if (!items) return fail(std::move(items.error()));
  for (std::size_t i = 0; i < keys.size(); ++i) note_item(keys[i], (*items)[i], asked);
  return {};
}

void DynamoStore::do_resign() {
  coordinator_->leave();
}

void DynamoStore::do_finished() {
  coordinator_->finish();
}

// The first rows after `after`, in order. `more`: there are others.
Result<std::vector<DueCache::Row>> DynamoStore::peek_rows(TimePoint due_by, std::size_t limit,
                                                          const std::optional<DuePosition>& after,
                                                          bool& more) {
  const TimePoint from = after ? after->due_at : kTimeMin;
  std::vector<ShardPeek> peeks(all_shards_.size());
  std::vector<ShardPeek*> open;
  for (std::size_t i = 0; i < peeks.size(); ++i) {
    peeks[i].shard = all_shards_[i];
    open.push_back(&peeks[i]);
  }
  while (!open.empty()) {
    std::vector<Call> calls;
    for (const ShardPeek* const peek : open) {
      calls.push_back(due_query(parts_.tables.tasks, "sh = :sh AND due BETWEEN :from AND :to",
                                {{":sh", number_value(peek->shard)},
                                 {":from", number_value(to_millis(from))},
                                 {":to", number_value(to_millis(std::max(due_by, kTimeMin)))}},
                                std::min(limit + 1, parts_.tuning.request_rows_max),
                                peek->start_key));
    }
    auto replies = client_.call_all(std::move(calls));
    std::vector<ShardPeek*> unread;
    for (std::size_t i = 0; i < open.size(); ++i) {
      auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
      if (!answer) return fail(std::move(answer.error()));
      if (take_page(*open[i], *answer, limit, after)) unread.push_back(open[i]);
    }
    open = std::move(unread);
  }

  std::vector<DueCache::Row> rows;
  TimePoint through = kTimeMax;
  for (ShardPeek& peek : peeks) {
    through = std::min(through, peek.through);
    std::move(peek.rows.begin(), peek.rows.end(), std::back_inserter(rows));
  }
  std::sort(rows.begin(), rows.end(), in_order);
  std::erase_if(rows, [&](const DueCache::Row& row) { return row.due_at > through; });
  more = through < kTimeMax || rows.size() > limit;
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

Result<DuePage> DynamoStore::do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                         const std::optional<DuePosition>& after) {
  DuePage page;
  if (limit == 0 || (after ? after->due_at : kTimeMin) > due_by) return page;
  bool more = false;
  const auto rows = peek_rows(due_by, limit, after, more);
  if (!rows) return fail(rows.error());
  std::vector<TaskKey> keys;
  for (const DueCache::Row& row : *rows) keys.push_back(row.key);
  auto loaded = load(keys);
  if (!loaded) return fail(std::move(loaded.error()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const TimePoint due_at = (*rows)[i].due_at;
    const Loaded& task = (*loaded)[i];
    if (!task) report_unreadable(keys[i], task.error());
    if (!task || !*task) continue;
    if ((*task)->leased(now) && !is_dead((*task)->lease_life)) continue;
    const Task& stored = (*task)->record.task;
    // A row of the index may be older than the task.
    if (stored.status != Status::kActive || model::place_of(stored) != due_at) continue;
    page.items.push_back({keys[i], due_at, stored.scheduled_date});
  }
  if (more && !rows->empty()) page.next = DuePosition{rows->back().due_at, rows->back().key};
  return page;
}

}  // namespace rhooks::store::dynamo
