#include "testing/simulator/faulty_link.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rhooks::simulator {

using namespace store;

namespace {

constexpr std::size_t kToldMax = 10'000;
constexpr std::size_t kPage = 1'000;

Error refused() {
  return {ErrorCode::kUnavailable, "scripted: the store cannot be reached", {}};
}
Error unknown() {
  return {ErrorCode::kUnknownOutcome, "scripted: the answer of the store was lost", {}};
}

}  // namespace

FaultyLink::FaultyLink(Store& inner, Timeline& timeline, const StoreFaults& faults,
                       StoreObserver& observer, LinkOptions options)
    : inner_(inner),
      timeline_(timeline),
      faults_(faults),
      observer_(observer),
      options_(std::move(options)) {}

FaultyLink::~FaultyLink() {
  if (options_.closed) options_.closed();
}

FaultyLink::Fate FaultyLink::draw(const char* name, Kind kind, std::size_t items) {
  Dice& dice = timeline_.dice();
  Fate fate = Fate::kAnswered;
  const bool refusable = kind != Kind::kRelease || !options_.local;
  const bool lossy = (kind != Kind::kClaim && kind != Kind::kRelease) || !options_.local;
  if (dice.chance(faults_.refused) && refusable) {
    fate = Fate::kRefused;
  } else if (dice.chance(faults_.lost_answer) && lossy) {
    fate = Fate::kLost;
  } else if (items > 1 && dice.chance(faults_.partial)) {
    fate = Fate::kSplit;
  }
  if (fate != Fate::kAnswered) {
    const char* what = fate == Fate::kRefused ? "refused"
                       : fate == Fate::kLost  ? "lost"
                                              : "partial";
    timeline_.note(std::string("store: ") + name + ": " + what);
  }
  return fate;
}

void FaultyLink::travel() {
  Dice& dice = timeline_.dice();
  Duration time = dice.between(Duration{0}, faults_.latency_max);
  if (dice.chance(faults_.stalled)) time += dice.between(Duration{0}, faults_.stall_max);
  timeline_.sleep(time);
}

void FaultyLink::travel_or(const MakeInterrupted& interrupted) {
  try {
    travel();
  } catch (const Crashed&) {
    if (interrupted && options_.interrupted) options_.interrupted(interrupted());
    throw;
  }
}

void FaultyLink::applied() {
  if (options_.applied) options_.applied();
}

template <typename Call>
auto FaultyLink::one(const char* name, Kind kind, const Call& call,
                     const MakeInterrupted& interrupted) -> decltype(call()) {
  if (!timeline_.can_wait()) return fail(refused());
  const Fate fate = draw(name, kind, 1);
  travel_or(fate == Fate::kRefused ? MakeInterrupted() : interrupted);
  if (fate == Fate::kRefused) {
    travel();
    return fail(refused());
  }
  auto result = call();
  applied();
  travel();
  if (fate == Fate::kLost) return fail(kind == Kind::kRead ? refused() : unknown());
  return result;
}

template <typename T, typename Item, typename Call, typename Rest>
std::vector<Result<T>> FaultyLink::batch(const char* name, std::span<const Item> items,
                                         const Call& call, const Rest& interrupted) {
  if (items.empty()) return {};
  std::vector<Result<T>> results(items.size(), fail(refused()));
  if (!timeline_.can_wait()) return results;
  Dice& dice = timeline_.dice();
  const Fate fate = draw(name, Kind::kChange, items.size());

  // What is applied, and what is not told of it.
  std::vector<std::size_t> passed;
  std::vector<std::size_t> lost;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (fate == Fate::kRefused) continue;
    const std::size_t drawn = fate == Fate::kSplit ? dice.below(6) : 0;
    if (drawn == 5) continue;  // not applied, and the caller is told so
    if (drawn < 4) passed.push_back(i);
    if (fate == Fate::kLost || drawn == 3 || drawn == 4) lost.push_back(i);
  }
  const std::size_t first = fate == Fate::kSplit ? dice.below(passed.size() + 1) : passed.size();
  const auto apply = [&](std::size_t begin, std::size_t end) {
    std::vector<Item> portion;
    for (std::size_t n = begin; n < end; ++n) portion.push_back(items[passed[n]]);
    travel_or(portion.empty() ? MakeInterrupted() : [&] { return interrupted(portion); });
    if (portion.empty()) return;
    auto answers = call(std::span<const Item>(portion));
    for (std::size_t n = begin; n < end; ++n) results[passed[n]] = std::move(answers[n - begin]);
    applied();
  };
  apply(0, first);
  // In between others act.
  if (first < passed.size()) apply(first, passed.size());
  travel();
  for (const std::size_t i : lost) results[i] = fail(unknown());
  return results;
}

std::vector<Result<PutResult>> FaultyLink::do_put(std::span<const TaskRecord> records) {
  return batch<PutResult>(
      "put", records,
      [&](std::span<const TaskRecord> passed) {
        auto results = inner_.put(passed);
        for (std::size_t i = 0; i < passed.size(); ++i) {
          if (results[i] && results[i]->created) observer_.put(passed[i].task);
        }
        return results;
      },
      [](const std::vector<TaskRecord>& passed) {
        Interrupted call;
        for (const TaskRecord& record : passed) call.keys.push_back(record.task.key);
        call.apply = [&passed](Store& inner) { (void)inner.put(passed); };
        return call;
      });
}

Result<Task> FaultyLink::do_get(const TaskKey& key, TimePoint now) {
  return one("get", Kind::kRead, [&] { return inner_.get(key, now); });
}

Result<TaskPage> FaultyLink::do_query_tasks(const TaskQuery& query) {
  return one("query_tasks", Kind::kRead, [&] { return inner_.query_tasks(query); });
}

Result<LogPage> FaultyLink::do_query_logs(const LogQuery& query) {
  return one("query_logs", Kind::kRead, [&] { return inner_.query_logs(query); });
}

Result<NamespacePage> FaultyLink::do_namespaces(const NamespaceQuery& query) {
  return one("namespaces", Kind::kRead, [&] { return inner_.namespaces(query); });
}

std::vector<Result<Task>> FaultyLink::do_change(std::span<const TaskKey> keys, const Edit& edit,
                                                TimePoint now) {
  return batch<Task>(
      "change", keys,
      [&](std::span<const TaskKey> passed) {
        auto results = inner_.change(passed, edit, now);
        for (const auto& result : results) {
          if (result) observer_.edited(*result);
        }
        return results;
      },
      [&](const std::vector<TaskKey>& passed) {
        return Interrupted{
            passed, {}, [&](Store& inner) { (void)inner.change(passed, edit, now); }, {}};
      });
}

std::vector<Result<Task>> FaultyLink::do_remove(std::span<const TaskKey> keys, TimePoint now) {
  return batch<Task>(
      "remove", keys,
      [&](std::span<const TaskKey> passed) {
        auto results = inner_.remove(passed, now);
        for (std::size_t i = 0; i < passed.size(); ++i) {
          if (results[i]) observer_.removed(passed[i]);
        }
        return results;
      },
      [&](const std::vector<TaskKey>& passed) {
        return Interrupted{passed, {}, [&](Store& inner) { (void)inner.remove(passed, now); }, {}};
      });
}

std::set<TaskKey> FaultyLink::keys_of(const std::string& ns) {
  std::set<TaskKey> keys;
  TaskQuery query;
  query.ns = ns;
  query.id_prefix = "";
  query.limit = kPage;
  for (;;) {
    const auto page = inner_.query_tasks(query);
    if (!page) break;
    for (const Task& task : page->items) keys.insert(task.key);
    if (!page->next || page->next == query.after) break;
    query.after = page->next;
  }
  return keys;
}

// Which tasks a clear() deletes it does not say.
Result<std::size_t> FaultyLink::do_clear(const std::string& ns, std::size_t limit) {
  return one(
      "clear", Kind::kChange,
      [&] {
        const auto before = keys_of(ns);
        auto result = inner_.clear(ns, limit);
        const auto after = keys_of(ns);
        for (const TaskKey& key : before) {
          if (!after.contains(key)) observer_.removed(key);
        }
        return result;
      },
      [&] {
        const auto keys = keys_of(ns);
        return Interrupted{{keys.begin(), keys.end()},
                           {},
                           [&](Store& inner) { (void)inner.clear(ns, limit); },
                           ns};
      });
}

Result<ClaimResult> FaultyLink::do_claim_due(const ClaimRequest& request) {
  return one("claim_due", Kind::kClaim, [&] {
    auto result = inner_.claim_due(request);
    if (result) {
      for (const Claim& claim : result->claims) {
        observer_.claimed(claim.lease, claim.task, request.now);
      }
    }
    return result;
  });
}

bool FaultyLink::first_time(const model::LeaseToken& token) {
  if (!told_.insert(token).second) return false;
  told_order_.push_back(token);
  if (told_order_.size() > kToldMax) {
    told_.erase(told_order_.front());
    told_order_.pop_front();
  }
  return true;
}

// The keys of what is to follow that are there already.
std::set<TaskKey> FaultyLink::taken_by_others(std::span<const Commit> commits) {
  std::set<TaskKey> taken;
  for (const Commit& commit : commits) {
    for (const TaskRecord& next : commit.follow_ups) {
      if (inner_.get(next.task.key, next.task.created_at)) taken.insert(next.task.key);
    }
  }
  return taken;
}

std::vector<Result<CommitOutcome>> FaultyLink::do_commit(std::span<const Commit> commits) {
  return batch<CommitOutcome>(
      "commit", commits,
      [&](std::span<const Commit> passed) {
        auto taken = taken_by_others(passed);
        auto results = inner_.commit(passed);
        for (std::size_t i = 0; i < passed.size(); ++i) {
          if (!results[i]) continue;
          if (passed[i].log) observer_.logged(*passed[i].log);
          if (*results[i] != CommitOutcome::kApplied || !first_time(passed[i].lease.token)) {
            continue;
          }
          observer_.committed(passed[i].lease.key, passed[i].lease.token, passed[i].task);
          for (const TaskRecord& next : passed[i].follow_ups) {
            const auto stored = inner_.get(next.task.key, next.task.created_at);
            if (stored && taken.insert(next.task.key).second) observer_.put(*stored);
          }
        }
        return results;
      },
      [](const std::vector<Commit>& passed) {
        Interrupted call;
        for (const Commit& commit : passed) {
          call.keys.push_back(commit.lease.key);
          for (const TaskRecord& next : commit.follow_ups) call.keys.push_back(next.task.key);
        }
        call.commits = passed;
        call.apply = [&passed](Store& inner) { (void)inner.commit(passed); };
        return call;
      });
}

Result<void> FaultyLink::do_release(std::span<const Lease> leases) {
  return one("release", Kind::kRelease, [&] {
    auto result = inner_.release(leases);
    if (result) {
      for (const Lease& lease : leases) observer_.released(lease);
    }
    return result;
  });
}

Result<std::optional<TimePoint>> FaultyLink::do_next_due(TimePoint now, Scope scope,
                                                         const FlowGate* gate, Leave leave) {
  return one("next_due", Kind::kRead, [&] { return inner_.next_due(now, scope, gate, leave); });
}

Result<DuePage> FaultyLink::do_peek_due(TimePoint now, TimePoint due_by, std::size_t limit,
                                        const std::optional<DuePosition>& after) {
  return one("peek_due", Kind::kRead, [&] { return inner_.peek_due(now, due_by, limit, after); });
}

Result<Revision> FaultyLink::do_put_document(const Document& document, const Replaces& replaces,
                                             TimePoint now) {
  return one("put_document", Kind::kChange,
             [&] { return inner_.put_document(document, replaces, now); });
}

Result<StoredDocument> FaultyLink::do_get_document(const DocumentKey& key) {
  return one("get_document", Kind::kRead, [&] { return inner_.get_document(key); });
}

Result<void> FaultyLink::do_remove_document(const DocumentKey& key,
                                            const std::optional<Revision>& revision) {
  return one("remove_document", Kind::kChange,
             [&] { return inner_.remove_document(key, revision); });
}

Result<DocumentPage> FaultyLink::do_list_documents(const DocumentQuery& query) {
  return one("list_documents", Kind::kRead, [&] { return inner_.list_documents(query); });
}

void FaultyLink::do_resign() {
  if (!timeline_.can_wait()) return;
  travel();
  inner_.resign();
  applied();
}

Result<void> FaultyLink::do_check() {
  return one("check", Kind::kRead, [&] { return inner_.check(); });
}

Result<Description> FaultyLink::do_describe() {
  return one("describe", Kind::kRead, [&] { return inner_.describe(); });
}

}  // namespace rhooks::simulator
