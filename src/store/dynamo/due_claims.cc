// What is due: the due index, read shard by shard into the due view, and claims of what it holds.

#include <algorithm>

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
// Of one read of a shard. Leased tasks stay in the index until they are done, so there may be
// as many of them at its head as all workers have in flight.
constexpr std::size_t kReadRowsMax = 50'000;

struct ShardRead {
  int shard = 0;
  std::size_t rows_wanted = 0;
  DueView::Steady started;
  std::vector<DueView::Row> rows;
  json::object start_key;  // of the next request; empty: from the head
  bool ended = false;      // the index holds no more of this shard
  bool cut_off = false;    // at kReadRowsMax
  bool failed = false;
};

std::vector<DueView::Row> rows_of(const json::object& answer) {
  std::vector<DueView::Row> rows;
  const json::value* const items = answer.if_contains("Items");
  if (!items || !items->is_array()) return rows;
  for (const json::value& value : items->get_array()) {
    if (!value.is_object()) continue;
    const auto due = number_of(value.get_object(), "due");
    if (due) rows.push_back({key_of(value.get_object()), from_millis(*due)});
  }
  return rows;
}

bool in_order(const DueView::Row& a, const DueView::Row& b) {
  return std::tie(a.due_at, a.key) < std::tie(b.due_at, b.key);
}

}  // namespace

Result<std::vector<int>> DynamoStore::shards_of(Scope scope) {
  if (scope == Scope::kAll) return all_shards_;
  share_->join();
  return share_->owned();
}

// Reads the head of each shard that has to be read, all at once, until it has what is due by
// then or as many claimable rows as are wanted. Shards that cannot be read are taken off the
// list: one that is throttled must not hold up the others.
Result<void> DynamoStore::read_due(std::vector<int>& shards, TimePoint now, TimePoint due_by) {
  std::vector<ShardRead> reads;
  const auto started = parts_.steady();
  for (const int shard : shards) {
    if (const auto rows =
            due_.rows_to_read(shard, now, due_by, parts_.tuning.read_every, started)) {
      ShardRead read;
      read.shard = shard;
      read.rows_wanted = std::min(*rows, parts_.tuning.request_rows_max);
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
      json::object request{
          {"TableName", parts_.tables.tasks},
          {"IndexName", kDueIndex},
          {"KeyConditionExpression", "sh = :sh"},
          {"ExpressionAttributeValues", {{":sh", number_value(read->shard)}}},
          {"Limit", read->rows.empty() ? read->rows_wanted
                                       : std::min(kNextRows, parts_.tuning.request_rows_max)}};
      if (!read->start_key.empty()) request["ExclusiveStartKey"] = read->start_key;
      calls.push_back({Operation::kQuery, std::move(request)});
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
      const auto rows = rows_of(*answer);
      read.rows.insert(read.rows.end(), rows.begin(), rows.end());
      const json::value* const last = answer->if_contains("LastEvaluatedKey");
      if (!last || !last->is_object() || last->get_object().empty()) {
        read.ended = true;
        continue;
      }
      read.start_key = last->get_object();
      if (!read.rows.empty() && read.rows.back().due_at > due_by) continue;
      if (read.rows.size() >= kReadRowsMax) {
        read.cut_off = true;
        continue;
      }
      // Of the last moment there may be more: only what is due before it is known completely.
      const auto last_moment = std::partition_point(
          read.rows.begin(), read.rows.end(),
          [&](const DueView::Row& row) { return row.due_at < read.rows.back().due_at; });
      const std::span known(read.rows.begin(), last_moment);
      if (due_.claimable(read.shard, known, now) >=
          std::max<std::size_t>(1, read.rows_wanted / 2)) {
        continue;
      }
      more.push_back(&read);
    }
    open = std::move(more);
  }
  for (const ShardRead& read : reads) {
    if (read.failed) continue;
    TimePoint through = kTimeMax;
    if (!read.ended) {
      // Others may be due at the very moment of the last row; that they come later than they
      // might is borne where there are too many to be read.
      const std::chrono::milliseconds doubt{read.cut_off ? 0 : 1};
      through = read.rows.empty() ? TimePoint::min() : read.rows.back().due_at - doubt;
    }
    due_.merge(read.shard, read.rows, through, read.started);
  }
  if (error) return fail(std::move(*error));
  return {};
}

Result<ClaimResult> DynamoStore::claim_due(const ClaimRequest& request) {
  auto shards = shards_of(request.scope);
  if (!shards) return fail(std::move(shards.error()));
  const TimePoint due_by = std::min(request.due_by, kTimeMax);
  ClaimResult result;
  std::optional<Error> error;
  std::size_t looked_at = 1;
  for (int idle = 0; idle < kIdleRoundsMax && !error; ++idle) {
    const std::size_t before = result.claims.size();
    if (auto read = read_due(*shards, request.now, due_by); !read) error = std::move(read.error());
    auto picked = due_.pick(*shards, request.now, due_by, request.limit - result.claims.size());
    result.more = picked.more || due_.incomplete(*shards, due_by);
    if (picked.candidates.empty()) {
      // Reading further may show that there is nothing more.
      if (result.claims.size() == request.limit || !result.more) break;
      continue;
    }
    if (auto claimed = claim_candidates(request, std::move(picked.candidates), result); !claimed) {
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

Result<void> DynamoStore::claim_candidates(const ClaimRequest& request,
                                           std::vector<DueView::Candidate> candidates,
                                           ClaimResult& result) {
  const TimePoint until = request.now + request.lease_for;
  std::vector<Uuid> tokens;
  std::vector<Call> calls;
  for (const DueView::Candidate& candidate : candidates) {
    tokens.push_back(uuids_.v7(request.now));
    Item set;
    set["rev"] = bytes_value(bytes_view(tokens.back()));
    set["lu"] = number_value(to_millis(until));
    // The last alternative: an earlier try of this very request whose answer was lost. Without
    // parentheses and with the function first, since so the emulator reads it in 42 µs instead of
    // 250, which was a fifth of all that it does for a delivery.
    Call call = update_call(candidate.key, set, {},
                            "attribute_not_exists(lu) AND due = :seen"
                            " OR due = :seen AND lu <= :now OR rev = :rev",
                            {{":seen", number_value(to_millis(candidate.due_at))},
                             {":now", number_value(to_millis(request.now))}});
    call.body["ReturnValues"] = "ALL_NEW";
    calls.push_back(std::move(call));
  }
  const auto asked = due_.asking();
  auto replies = client_.call_all(std::move(calls));
  const auto steady = parts_.steady();

  std::optional<Error> error;
  std::vector<std::size_t> taken;  // by others, or changed since
  std::vector<TaskKey> taken_keys;
  std::vector<Reply> refusals;
  std::vector<std::size_t> ours;
  std::vector<std::optional<Item>> items;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (replies[i] && replies[i]->condition_failed()) {
      taken.push_back(i);
      taken_keys.push_back(candidates[i].key);
      refusals.push_back(std::move(*replies[i]));
      continue;
    }
    auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
    if (!answer) {
      // Where it was applied after all, the next claim finds the lease, or its end.
      due_.put_back(candidates[i]);
      error = std::move(answer.error());
      continue;
    }
    due_.leased(candidates[i], until, asked, steady);
    const json::value* const item = answer->if_contains("Attributes");
    ours.push_back(i);
    items.push_back(item && item->is_object() ? std::optional(item->get_object()) : std::nullopt);
  }

  const auto loading = due_.asking();
  auto loaded = with_payloads(std::move(items));
  for (std::size_t n = 0; n < ours.size(); ++n) {
    const DueView::Candidate& candidate = candidates[ours[n]];
    const Uuid& token = tokens[ours[n]];
    if (!loaded) {
      // Leased, but its payload cannot be had now.
      if (release(std::vector<Lease>{{candidate.key, token, until}})) due_.put_back(candidate);
      error = loaded.error();
      continue;
    }
    Loaded& task = (*loaded)[n];
    if (!task) {
      if (auto aside = set_aside(candidate, token, task.error())) {
        result.set_aside.push_back(std::move(*aside));
      }
    } else if (*task) {
      result.claims.push_back(Claim{Lease{candidate.key, token, until},
                                    std::move((*task)->record.task), candidate.due_at});
    } else {  // deleted meanwhile
      note_gone(candidate.key, loading);
    }
  }

  if (!taken.empty()) {
    auto there = items_now(taken_keys, refusals);
    for (std::size_t n = 0; n < taken.size(); ++n) {
      due_.put_back(candidates[taken[n]]);
      if (there) note_item(taken_keys[n], (*there)[n], asked);
    }
    if (!there) error = there.error();
  }
  if (error) return fail(std::move(*error));
  return {};
}

// Takes an unreadable task out of the due index. Its bytes stay as they are.
std::optional<SetAside> DynamoStore::set_aside(const DueView::Candidate& candidate,
                                               const Uuid& token, const Error& why) {
  report_unreadable(candidate.key, why);
  Item set;
  set["rev"] = bytes_value(bytes_view(fresh()));
  const auto asked = due_.asking();
  auto reply = client_.call(update_call(candidate.key, set, {"due", "lu"}, "rev = :token",
                                        {{":token", bytes_value(bytes_view(token))}}));
  // By an earlier try whose answer was lost, most likely: nobody else had the lease.
  const bool before = reply && reply->condition_failed() && reply->maybe_applied_before;
  // Else it is met again when the lease ends.
  if (!before && !answer_of(std::move(reply), parts_.tables.tasks)) return std::nullopt;
  note_gone(candidate.key, asked);
  return SetAside{candidate.key, why.message};
}

Result<void> DynamoStore::release(std::span<const Lease> leases) {
  std::vector<Call> calls;
  for (const Lease& lease : leases) {
    Item set;
    set["rev"] = bytes_value(bytes_view(fresh()));
    calls.push_back(update_call(lease.key, set, {"lu"}, "rev = :token",
                                {{":token", bytes_value(bytes_view(lease.token))}}));
  }
  const auto asked = due_.asking();
  auto replies = client_.call_all(std::move(calls));
  std::optional<Error> error;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i] && replies[i]->condition_failed()) {
      // Not current: passed over. Or an earlier try ended it, whose answer was lost.
      if (!replies[i]->maybe_applied_before) continue;
      if (auto there = items_now({leases[i].key}, {*replies[i]})) {
        note_item(leases[i].key, there->front(), asked);
      }
      continue;
    }
    if (auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks); !answer) {
      error = std::move(answer.error());
      continue;
    }
    due_.released(shard_of(leases[i].key, parts_.shards), leases[i].key, asked, parts_.steady());
  }
  if (error) return fail(std::move(*error));
  return {};
}

Result<std::optional<TimePoint>> DynamoStore::next_due(TimePoint now, Scope scope) {
  // Who does not work on the store has no share, and does not take one by asking.
  std::vector<int> shards = scope == Scope::kAll ? all_shards_ : share_->owned();
  // Those that seem claimable are looked at, until one is: others may hold leases on them, and
  // where all that was read is leased, there may be more behind it.
  TaskKey last;
  int races = 0;  // in which the first of them was changed while it was read
  for (std::size_t looked_at = 1;; looked_at = std::min(4 * looked_at, kConfirmedMax)) {
    if (auto read = read_due(shards, now, now); !read) return fail(std::move(read.error()));
    const auto unconfirmed = due_.unconfirmed(shards, now, now, looked_at);
    if (unconfirmed.empty() || races == kRacesMax) return due_.next(shards, now);
    races = unconfirmed.front().key == last ? races + 1 : 0;
    last = unconfirmed.front().key;
    if (auto learnt = confirm(unconfirmed); !learnt) return fail(std::move(learnt.error()));
  }
}

// Reads how it is with what the index tells only a part of.
Result<void> DynamoStore::confirm(const std::vector<DueView::Candidate>& candidates) {
  std::vector<TaskKey> keys;
  for (const DueView::Candidate& candidate : candidates) keys.push_back(candidate.key);
  const auto asked = due_.asking();
  auto items = read_items(keys);
  if (!items) return fail(std::move(items.error()));
  for (std::size_t i = 0; i < keys.size(); ++i) note_item(keys[i], (*items)[i], asked);
  return {};
}

void DynamoStore::leave() {
  share_->leave();
}

Result<DuePage> DynamoStore::peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                      const std::optional<DuePosition>& after) {
  DuePage page;
  if (limit == 0) return page;
  // Of each shard as many rows as could be shown, and those due at the same moment as its last:
  // the index has no order among them.
  struct Shard {
    int number = 0;
    std::vector<DueView::Row> rows;  // the first ones in order, one more than are asked for
    json::object start_key;
    TimePoint through = kTimeMax;  // all up to here were read
  };
  std::vector<Shard> shards(all_shards_.size());
  std::vector<Shard*> open;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    shards[i].number = all_shards_[i];
    open.push_back(&shards[i]);
  }
  const TimePoint from = after ? after->due_at : kTimeMin;
  if (from > due_by) return page;
  while (!open.empty()) {
    std::vector<Call> calls;
    for (const Shard* const shard : open) {
      json::object request{{"TableName", parts_.tables.tasks},
                           {"IndexName", kDueIndex},
                           {"KeyConditionExpression", "sh = :sh AND due BETWEEN :from AND :to"},
                           {"ExpressionAttributeValues",
                            {{":sh", number_value(shard->number)},
                             {":from", number_value(to_millis(from))},
                             {":to", number_value(to_millis(std::max(due_by, kTimeMin)))}}},
                           {"Limit", std::min(limit + 1, parts_.tuning.request_rows_max)}};
      if (!shard->start_key.empty()) request["ExclusiveStartKey"] = shard->start_key;
      calls.push_back({Operation::kQuery, std::move(request)});
    }
    auto replies = client_.call_all(std::move(calls));
    std::vector<Shard*> more;
    for (std::size_t i = 0; i < open.size(); ++i) {
      Shard& shard = *open[i];
      auto answer = answer_of(std::move(replies[i]), parts_.tables.tasks);
      if (!answer) return fail(std::move(answer.error()));
      TimePoint read_to = from;
      for (DueView::Row& row : rows_of(*answer)) {
        read_to = row.due_at;
        if (after && std::tie(row.due_at, row.key) <= std::tie(after->due_at, after->key)) continue;
        shard.rows.push_back(std::move(row));
      }
      std::sort(shard.rows.begin(), shard.rows.end(), in_order);
      if (shard.rows.size() > limit + 1) shard.rows.resize(limit + 1);
      const json::value* const last = answer->if_contains("LastEvaluatedKey");
      if (!last || !last->is_object() || last->get_object().empty()) continue;
      shard.start_key = last->get_object();
      if (shard.rows.size() > limit && shard.rows.back().due_at < read_to) {
        shard.through = read_to - std::chrono::milliseconds{1};
      } else {
        more.push_back(&shard);
      }
    }
    open = std::move(more);
  }

  std::vector<DueView::Row> rows;
  TimePoint through = kTimeMax;
  for (Shard& shard : shards) {
    through = std::min(through, shard.through);
    std::move(shard.rows.begin(), shard.rows.end(), std::back_inserter(rows));
  }
  std::sort(rows.begin(), rows.end(), in_order);
  std::erase_if(rows, [&](const DueView::Row& row) { return row.due_at > through; });
  const bool more = through < kTimeMax || rows.size() > limit;
  if (rows.size() > limit) rows.resize(limit);

  std::vector<TaskKey> keys;
  for (const DueView::Row& row : rows) keys.push_back(row.key);
  auto loaded = load(keys);
  if (!loaded) return fail(std::move(loaded.error()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Loaded& task = (*loaded)[i];
    if (!task) report_unreadable(keys[i], task.error());
    if (!task || !*task || (*task)->leased(now)) continue;
    const Task& stored = (*task)->record.task;
    // A row of the index may be older than the task.
    if (stored.status != Status::kActive || model::due_at(stored) != rows[i].due_at) continue;
    page.items.push_back({keys[i], rows[i].due_at, stored.scheduled_date});
  }
  if (more && !rows.empty()) page.next = DuePosition{rows.back().due_at, rows.back().key};
  return page;
}

}  // namespace rhooks::store::dynamo
