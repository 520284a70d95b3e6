// claim_due, commit, release, next_due and peek_due of the embedded store.

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "codec/stored.h"
#include "observe/logging.h"
#include "store/rocks/keys.h"
#include "store/rocks/status.h"
#include "store/rocks/store_impl.h"

namespace rhooks::store::rocks {

namespace {

// Leases entered at a time: bounds how long the lease table's mutex is held and how far a
// claim of large tasks goes past claim_bytes_max.
constexpr std::size_t kClaimChunk = 128;

// Entries that are looked at while the mutex is held, where some of them wait, and how often in one
// claim. They cost about 0.3 us each.
constexpr std::size_t kEntriesMax = 512;
constexpr int kTurnsMax = 32;

// For so long claims pass over a task that the disk could not read, however long the leases
// that were asked for. It bounds how often a bad block is met, and how long a task waits for
// a disk that came back.
constexpr std::chrono::seconds kPassOver{60};

// A disk that is gone altogether is not asked for every task of a claim: each answer may
// take seconds.
constexpr std::size_t kUnreadMax = 8;

// The first due key after everything that is due at `t`.
std::string end_of(TimePoint t) {
  return time_bytes(std::min(t, kTimeMax) + std::chrono::milliseconds{1});
}

bool is_as_leased(const Task& task, const HeldLease& lease) {
  return task.status == Status::kActive && model::place_of(task) == lease.due &&
         task.scheduled_date == lease.scheduled_date;
}

}  // namespace

LeaseTable::OpenIndex RocksStore::open_due(const std::string& end, rocksdb::Slice& bound) {
  bound = rocksdb::Slice(end);
  return [this, &bound](const std::string& from) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &bound;
    std::unique_ptr<rocksdb::Iterator> it(db().NewIterator(options, family(Family::kDue)));
    it->Seek(from);
    return it;
  };
}

Result<ClaimResult> RocksStore::do_claim_due(const ClaimRequest& request) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  drop_expired(request.now);
  ClaimResult result;
  const std::string end = end_of(request.due_by);
  rocksdb::Slice bound;
  const auto open = open_due(end, bound);
  LeaseTable::Asked asked{request.now,  0,          request.now + request.lease_for, end,
                          request.gate, kEntriesMax};
  std::size_t bytes = 0;
  for (int turn = 0;; ++turn) {
    asked.limit = std::min(request.limit - result.claims.size(), kClaimChunk);
    auto walk = leases_.take(asked, open, [&] { return tokens_.v7(request.now); });
    result.waits = walk.waits;
    const bool limit_reached = walk.taken.size() == asked.limit;
    ClaimRead done;
    if (walk.status.ok()) {
      done = read_claims(std::move(walk.taken), request.now, bytes, result);
    } else {
      done.error = database_->translate(walk.status, "reading what is due");
      done.gave_back = true;
    }
    result.more = walk.more || done.gave_back;
    if (done.error && result.claims.empty() && result.set_aside.empty()) return fail(*done.error);
    // What was claimed is whole; the error, if it lasts, comes next time.
    if (done.gave_back || !walk.cut_off || turn == kTurnsMax) return result;
    // What was claimed does not wait until there is more.
    if (!limit_reached && !result.claims.empty()) return result;
    if (result.claims.size() == request.limit || bytes >= options_.claim_bytes_max ||
        result.set_aside.size() >= kClaimChunk) {
      return result;
    }
  }
}

// Reads the tasks of leases that were just entered, and adds them to the result. A task that
// the disk cannot read keeps its lease for a while, so that the next claims pass over it:
// given back it would be taken again, first of all, and hold up the others for ever.
RocksStore::ClaimRead RocksStore::read_claims(std::vector<LeaseTable::Taken>&& taken, TimePoint now,
                                              std::size_t& bytes, ClaimResult& result) {
  ClaimRead done;
  std::vector<std::string> keys;
  keys.reserve(taken.size());
  for (const LeaseTable::Taken& one : taken) keys.push_back(one.key);
  auto stored = read(keys);
  std::vector<bool> unread(taken.size());
  std::size_t failures = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto failed = [&] {
      return disk_failed(stored[i].state_status) || disk_failed(stored[i].spec_status);
    };
    if (!failed()) continue;
    unread[i] = true;
    if (failures >= kUnreadMax) {
      leases_.give_back(keys[i], taken[i].lease.token);
      done.gave_back = true;
      continue;
    }
    // RocksDB reads neighbours at once, and one bad block fails them all.
    stored[i] = std::move(read({keys[i]}).front());
    if (!failed()) {
      unread[i] = false;
      continue;
    }
    ++failures;
    leases_.shorten(taken[i], now + kPassOver);
    const bool state = disk_failed(stored[i].state_status);
    done.error = database_->translate(state ? stored[i].state_status : stored[i].spec_status,
                                      "reading a task");
    report_unreadable(parse_task_key(keys[i]).value_or(TaskKey{"", keys[i]}), *done.error);
  }
  // A change or a delete that came since the lease was entered has ended it.
  const auto current = leases_.confirm(taken);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (!current[i] || unread[i]) continue;
    const auto key = parse_task_key(taken[i].key);
    auto record = key ? decode(*key, stored[i])
                      : Result<TaskRecord>(fail(ErrorCode::kCorrupt, "its key cannot be read"));
    if (!record || record->task.status != Status::kActive ||
        model::place_of(record->task) != taken[i].lease.due) {
      if (auto aside = set_aside(taken[i], now)) result.set_aside.push_back(std::move(*aside));
      continue;
    }
    if (record->task.scheduled_date != taken[i].lease.scheduled_date) {
      leases_.correct_date(taken[i], record->task.scheduled_date);
    }
    bytes += stored[i].bytes();
    result.claims.push_back(Claim{Lease{*key, taken[i].lease.token, taken[i].lease.until},
                                  std::move(record->task), taken[i].lease.due});
  }
  return done;
}

// Takes an entry of the due index that leads to no task that can be attempted out of the
// way: moves an unreadable task to `damaged`, and deletes an entry that is no task's.
std::optional<SetAside> RocksStore::set_aside(const LeaseTable::Taken& taken, TimePoint now) {
  const TaskKey key = parse_task_key(taken.key).value_or(TaskKey{"", taken.key});
  const std::vector<std::string> keys{taken.key};
  LeaseTable::Lock lock(leases_, keys);
  const auto stored = read({taken.key});
  if (disk_failed(stored[0].state_status) || disk_failed(stored[0].spec_status)) {
    leases_.shorten(taken, now + kPassOver);
    return std::nullopt;  // the disk is to blame, not the task
  }
  const auto record = decode(key, stored[0]);
  rocksdb::WriteBatch batch;
  (void)batch.Delete(family(Family::kDue), due_key(taken.lease.due, taken.key));
  std::optional<SetAside> aside;
  if (record || stored[0].missing()) {
    // The entry is wrong, not the task: nothing that this version writes leaves one behind.
    if (record && record->task.status == Status::kActive &&
        model::place_of(record->task) == taken.lease.due) {
      return std::nullopt;  // changed since: it is as it should be
    }
    log::warn("removed an entry of the due index that is no task's",
              {{"namespace", key.ns}, {"id", key.id}});
  } else {
    aside = SetAside{key, record.error().message};
    Task indexed;
    indexed.key = key;
    indexed.status = Status::kActive;
    indexed.scheduled_date = taken.lease.scheduled_date;
    (void)batch.Delete(family(Family::kByDate), date_key(indexed));
    (void)batch.Put(family(Family::kDamaged), taken.key,
                    damaged_value(aside->reason, stored[0].state.ToStringView(),
                                  stored[0].spec.ToStringView()));
    // What RocksDB itself could not read stays where it is, for its own tools.
    if (!stored[0].state_status.IsCorruption()) {
      (void)batch.Delete(family(Family::kTasks), taken.key);
    }
    if (!stored[0].spec_status.IsCorruption()) {
      for (const bool beside : {true, false}) delete_spec(batch, taken.key, beside);
    }
    report_unreadable(key, record.error());
  }
  if (database_->write(batch)) {
    const auto lease = leases_.find(taken.key);
    if (lease && lease->token == taken.lease.token) lock.effects.ended.push_back(taken.key);
    return aside;
  }
  lock.write_failed({});
  // The lease stays for a while, so that the entry is not found again at once; when it ends,
  // this is tried again.
  leases_.shorten(taken, now + kPassOver);
  return std::nullopt;
}

// What a commit of one item comes to before anything is written.
struct RocksStore::CommitPlan {
  Result<CommitOutcome> outcome = CommitOutcome::kLeaseLost;
  std::optional<HeldLease> lease;  // current: the item is applied
};

// A current lease is all that has to be known; only of the others the task is read.
std::vector<RocksStore::CommitPlan> RocksStore::plan_commits(std::span<const Commit> commits,
                                                             const std::vector<std::string>& keys,
                                                             LeaseTable::Effects& effects) {
  std::vector<CommitPlan> plans(commits.size());
  std::vector<std::size_t> others;
  std::vector<std::string> other_keys;
  std::unordered_set<std::string_view> applied;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const auto lease = leases_.find(keys[i]);
    const bool current = lease && lease->token == commits[i].lease.token;
    if (current && !lease->doubtful) {
      // The same outcome twice in a batch is a repeat.
      if (applied.insert(keys[i]).second) plans[i].lease = lease;
      plans[i].outcome = CommitOutcome::kApplied;
    } else {
      if (current) plans[i].lease = lease;
      others.push_back(i);
      other_keys.push_back(keys[i]);
    }
  }
  const auto stored = read_rows(other_keys);
  for (std::size_t n = 0; n < others.size(); ++n) {
    CommitPlan& plan = plans[others[n]];
    const std::string& key = keys[others[n]];
    const auto doubtful = std::exchange(plan.lease, std::nullopt);
    const auto record = decode_state(commits[others[n]].lease.key, stored[n]);
    if (!record) {
      plan.outcome = record.error().code == ErrorCode::kNotFound
                         ? Result<CommitOutcome>(CommitOutcome::kGone)
                         : fail(record.error());
    } else if (record->last_token == commits[others[n]].lease.token) {
      plan.outcome = CommitOutcome::kApplied;
    } else if (doubtful && is_as_leased(record->task, *doubtful) && applied.insert(key).second) {
      plan.outcome = CommitOutcome::kApplied;
      plan.lease = doubtful;  // the write that failed changed nothing
    }
    if (!doubtful || plan.lease) continue;
    // A doubtful lease is settled now: what failed had been applied after all.
    if (record && record->task.status == Status::kActive) {
      effects.claimable(due_key(model::place_of(record->task), key));
    }
    if (plan.outcome) effects.ended.push_back(key);
  }
  return plans;
}

// Writes what an attempt made of its task. The index entries to move are those of the lease:
// ACTIVE, its due time and its date. `new_dates` gets what is to come to by_date.
void RocksStore::put_outcome(rocksdb::WriteBatch& batch, const Commit& commit,
                             const std::string& key, const HeldLease& lease,
                             std::vector<std::string>& new_dates,
                             LeaseTable::Effects& effects) const {
  const Task& task = commit.task;
  (void)batch.Put(family(Family::kTasks), key, codec::encode_state(task, commit.lease.token));

  const bool active = task.status == Status::kActive;
  const bool same_date = task.scheduled_date == lease.scheduled_date;
  const TimePoint due = model::place_of(task);
  if (!active || !same_date) {
    Task old;
    old.key = commit.lease.key;
    old.status = Status::kActive;
    old.scheduled_date = lease.scheduled_date;
    (void)batch.Delete(family(Family::kByDate), date_key(old));
    new_dates.push_back(date_key(task));
  }
  if (!active || due != lease.due) {
    (void)batch.Delete(family(Family::kDue), due_key(lease.due, key));
  }
  if (task.expires_at) {
    (void)batch.Put(family(Family::kEnds), end_key(*task.expires_at, key), rocksdb::Slice());
  }
  if (active) {
    if (due != lease.due || !same_date) {
      (void)batch.Put(family(Family::kDue), due_key(due, key), due_value(task));
    }
    effects.claimable(due_key(due, key));
  }
  effects.ended.push_back(key);
}

// What is to be written of that which follows from outcomes.
struct RocksStore::FollowUps {
  struct Expired {
    const std::string* key = nullptr;
    Task task;
    bool spec_beside = false;
  };
  std::vector<Expired> expired;  // whose place is taken
  std::vector<New> tasks;
};

// Of outcomes that are to be applied: what has a key that is free, or held by what had expired.
// `keys`: of the tasks, and then of what follows; they are held. Where the disk does not tell who
// has a key, its outcome is left out, and answered with that error.
RocksStore::FollowUps RocksStore::plan_follow_ups(std::span<const Commit> commits,
                                                  const std::vector<std::string>& keys,
                                                  std::vector<CommitPlan>& plans) {
  std::vector<New> asked;
  std::vector<std::size_t> owners;
  std::vector<std::string> asked_keys;
  auto key = keys.begin() + static_cast<std::ptrdiff_t>(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    for (const TaskRecord& next : commits[i].follow_ups) {
      const std::string& its = *key++;
      if (!plans[i].lease) continue;
      asked.push_back({&next, &its});
      owners.push_back(i);
      asked_keys.push_back(its);
    }
  }
  FollowUps found;
  if (asked.empty()) return found;
  const auto stored = read_expecting_none(asked_keys);
  std::vector<std::optional<Task>> holders(asked.size());
  for (std::size_t n = 0; n < asked.size(); ++n) {
    if (stored[n].missing()) continue;
    const TaskKey& id = asked[n].record->task.key;
    auto holder = decode(id, stored[n]);
    if (holder) {
      holders[n] = std::move(holder->task);
    } else if (holder.error().code == ErrorCode::kCorrupt) {
      report_unreadable(id, holder.error());
    } else {
      // With what repeats it in the same batch.
      const LeaseToken& token = commits[owners[n]].lease.token;
      for (std::size_t i = 0; i < commits.size(); ++i) {
        if (commits[i].lease.token == token) plans[i] = {fail(holder.error()), std::nullopt};
      }
    }
  }
  std::unordered_set<std::string_view> taken;
  for (std::size_t n = 0; n < asked.size(); ++n) {
    const TimePoint made_at = asked[n].record->task.created_at;
    if (!plans[owners[n]].lease || !taken.insert(*asked[n].key).second) continue;
    if (!stored[n].missing()) {
      if (!holders[n] || !model::expired(*holders[n], made_at)) continue;
      found.expired.push_back({asked[n].key, std::move(*holders[n]), stored[n].spec_beside});
    }
    found.tasks.push_back(asked[n]);
  }
  return found;
}

void RocksStore::put_follow_ups(rocksdb::WriteBatch& batch, const FollowUps& follow_ups,
                                IndexHeads::Adding& adding, LeaseTable::Effects& effects) const {
  for (const auto& [key, task, spec_beside] : follow_ups.expired) {
    delete_index(batch, task, *key);
    delete_spec(batch, *key, spec_beside);
    effects.ended.push_back(*key);  // one that a failed write left in doubt
  }
  for (const New& next : follow_ups.tasks) adding.add(date_key(next.record->task));
  put_new(batch, follow_ups.tasks, effects);
}

std::vector<Result<CommitOutcome>> RocksStore::do_commit(std::span<const Commit> commits) {
  if (commits.empty()) return {};
  const auto use = database_->use();
  if (!use) return std::vector<Result<CommitOutcome>>(commits.size(), fail(use.error()));
  std::vector<std::string> keys;
  keys.reserve(commits.size());
  for (const Commit& commit : commits) keys.push_back(task_key(commit.lease.key));
  for (const Commit& commit : commits) {  // behind those of the tasks
    for (const TaskRecord& next : commit.follow_ups) keys.push_back(task_key(next.task.key));
  }
  LeaseTable::Lock lock(leases_, keys);
  LeaseTable::Effects effects;
  std::vector<CommitPlan> plans = plan_commits(commits, keys, effects);
  const FollowUps follow_ups = plan_follow_ups(commits, keys, plans);

  // In the order of the keys, and what goes from by_date before what comes to it: RocksDB then
  // finds the place of an entry near that of the last one in its family, in memory just read.
  std::vector<std::size_t> order(commits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  rocksdb::WriteBatch batch;
  std::vector<std::string> new_dates;
  for (const std::size_t i : order) {
    const Commit& commit = commits[i];
    RHOOKS_CHECK(commit.task.key == commit.lease.key);
    RHOOKS_CHECK(!commit.log || commit.log->task == commit.lease.key);
    RHOOKS_CHECK(commit.task.status != Status::kProcessing);
    if (commit.log) put_log(batch, *commit.log);
    if (!plans[i].lease) continue;
    put_outcome(batch, commit, keys[i], *plans[i].lease, new_dates, effects);
  }
  IndexHeads::Adding adding(heads_);
  for (const std::string& date : new_dates) {
    adding.add(date);
    (void)batch.Put(family(Family::kByDate), date, rocksdb::Slice());
  }
  put_follow_ups(batch, follow_ups, adding, effects);

  const auto done = write(batch, lock, std::move(effects));
  for (const auto& [record, key] : follow_ups.tasks) {
    cleared_.put(*key);
    note_end(record->task);
  }
  std::vector<Result<CommitOutcome>> results;
  results.reserve(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (done && plans[i].lease) note_end(commits[i].task);
    results.push_back(done ? std::move(plans[i].outcome) : fail(done.error()));
  }
  return results;
}

Result<void> RocksStore::do_release(std::span<const Lease> leases) {
  for (const Lease& lease : leases) leases_.give_back(task_key(lease.key), lease.token);
  return {};
}

Result<std::optional<TimePoint>> RocksStore::do_next_due(TimePoint now, Scope /*scope*/,
                                                         const FlowGate* gate, Leave leave) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string end = end_of(kTimeMax);
  rocksdb::Slice bound;
  const auto first = leases_.first_due(now, gate, leave, open_due(end, bound));
  if (!first.status.ok()) {
    return fail(database_->translate(first.status, "reading what is due"));
  }
  // The next claim drops what has expired, too.
  const TimePoint soon = now + std::chrono::milliseconds{1};
  if (drops_left_ && (!first.at || *first.at > soon)) return soon;
  return first.at;
}

Result<DuePage> RocksStore::do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                        const std::optional<DuePosition>& after) {
  const auto use = database_->use();
  if (!use) return fail(use.error());
  const std::string end = end_of(due_by);
  rocksdb::Slice bound;
  // The leases first: what is claimed in between is then still shown as due.
  const auto live = leases_.live({}, now);
  const auto it = open_due(
      end, bound)(after ? due_key(after->due_at, task_key(after->key)) + '\0' : std::string());
  DuePage page;
  std::optional<DuePosition> last;
  for (std::size_t rows = 0; it->Valid(); it->Next(), ++rows) {
    if (page.items.size() >= limit || rows >= options_.page_rows_max) {
      page.next = std::move(last);
      break;
    }
    const std::string_view entry = it->key().ToStringView();
    auto key = entry.size() > 8 ? parse_task_key(entry.substr(8)) : std::nullopt;
    if (!key) continue;
    const TimePoint due = read_time(entry);
    last = DuePosition{due, *key};
    const std::string bytes(entry.substr(8));
    if (live.contains(bytes)) continue;
    std::optional<TimePoint> date;
    if (const auto value = parse_due_value(it->value().ToStringView())) {
      date = value->scheduled_date;
    } else if (const auto record = decode(*key, read({bytes}).front()); record) {
      date = record->task.scheduled_date;  // the entry is broken: a claim asks the task, too
    }
    if (date) page.items.push_back(DueEntry{std::move(*key), due, *date});
  }
  if (!it->status().ok()) {
    return fail(database_->translate(it->status(), "reading what is due"));
  }
  return page;
}

}  // namespace rhooks::store::rocks
