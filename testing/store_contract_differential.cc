#include <algorithm>
#include <map>
#include <random>

#include "testing/store_contract.h"

namespace rhooks::testing {

using namespace store;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

template <typename T>
bool same(const Result<T>& a, const Result<T>& b) {
  if (a.has_value() != b.has_value()) return false;
  return a ? *a == *b : a.error().code == b.error().code;
}

constexpr const char* kDocumentKinds[]{"k", "k2"};

// The first is of what belongs to no namespace; others are beginnings of each other.
const std::vector<std::string>& differential_document_names() {
  static const std::vector<std::string> kNames{"", "a", "ab", "a ", "\xf4\x8f\xbf\xbf"};
  return kNames;
}

class RandomChoices final : public Choices {
 public:
  RandomChoices(std::uint64_t seed, int steps) : random_(seed), left_(steps) {}
  bool more() override { return left_-- > 0; }
  std::size_t below(std::size_t n) override {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

 private:
  std::mt19937_64 random_;
  int left_;
};

// One run: the same calls on both stores. Tokens differ between them, so a claim is kept as
// the pair of what each store gave.
class Differential {
 public:
  Differential(StoreUnderTest& subject, Store& oracle, Choices& choices)
      : subject_(subject), oracle_(oracle), choices_(choices) {}

  void run() {
    for (int step = 0; choices_.more() && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      now_ += milliseconds{static_cast<long>(below(2000))};
      one_step();
    }
    if (!::testing::Test::HasFailure()) compare_everything();
  }

 private:
  struct ClaimPair {
    Claim subject;
    Claim oracle;
  };

  std::size_t below(std::size_t n) { return choices_.below(n); }

  void one_step() {
    switch (below(15)) {
      case 0:
      case 1:
        return put();
      case 2:
      case 3:
        return claim();
      case 4:
      case 5:
      case 6:
        return commit();
      case 7:
        return change();
      case 8:
        return remove();
      case 9:
        return release();
      case 10:
        return query_tasks();
      case 11:
        return query_logs();
      case 12:
        return put_document();
      case 13:
        return remove_document();
      default:
        return rare();
    }
  }

  TaskKey random_key() {
    const auto& namespaces = differential_namespaces();
    return {namespaces[below(namespaces.size())], "t" + std::to_string(below(40))};
  }

  std::vector<TaskKey> random_keys() {
    std::map<TaskKey, int> keys;
    for (std::size_t n = 1 + below(8); n > 0; --n) keys[random_key()] = 1;
    std::vector<TaskKey> result;
    for (const auto& [key, one] : keys) result.push_back(key);
    for (std::size_t i = result.size(); i > 1; --i) std::swap(result[i - 1], result[below(i)]);
    return result;
  }

  TimePoint soon() { return now_ - seconds{5} + milliseconds{static_cast<long>(below(20'000))}; }

  void put() {
    // Few and many are looked up in different ways; some keys come twice.
    std::vector<model::TaskRecord> records;
    for (std::size_t n = 1 + below(below(4) == 0 ? 24 : 6); n > 0; --n) {
      const TaskKey key = random_key();
      records.push_back(make_record(key.ns, key.id, soon()));
      Task& task = records.back().task;
      task.created_at = task.updated_at = now_;
      if (below(6) == 0) end(task);
    }
    const auto mine = subject_.store().put(records);
    const auto theirs = oracle_.put(records);
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      ASSERT_TRUE(mine[i]) << mine[i].error().message;
      EXPECT_EQ(mine[i]->created, theirs[i]->created);
      // Whatever had expired there is gone from both.
      if (mine[i]->created) forget_ends(records[i].task.key);
      ASSERT_EQ(mine[i]->existing.has_value(), theirs[i]->existing.has_value());
      if (mine[i]->existing) {
        EXPECT_EQ(mine[i]->existing->task, theirs[i]->existing->task);
      }
    }
  }

  void end(Task& task) {
    task.status = Status::kDone;
    if (below(2) != 0) return;
    task.expires_at = now_ + milliseconds{1 + static_cast<long>(below(20'000))};
    ends_.emplace(task.key, *task.expires_at);
  }

  void forget_ends(const TaskKey& key) {
    const auto [first, last] = ends_.equal_range(key);
    for (auto it = first; it != last;) it = it->second <= now_ ? ends_.erase(it) : std::next(it);
  }

  // Whether a store may have deleted a task of that key by itself, and another not.
  bool may_be_gone(const TaskKey& key) const {
    const auto [first, last] = ends_.equal_range(key);
    return std::any_of(first, last, [&](const auto& end) { return end.second <= now_; });
  }

  void claim() {
    const ClaimRequest request{.now = now_,
                               .due_by = now_ + milliseconds{static_cast<long>(below(2000))},
                               .limit = below(10),
                               .lease_for = milliseconds{1 + static_cast<long>(below(15'000))}};
    const auto mine = subject_.store().claim_due(request);
    const auto theirs = oracle_.claim_due(request);
    ASSERT_TRUE(mine) << mine.error().message;
    ASSERT_EQ(mine->claims.size(), theirs->claims.size());
    if (theirs->more || !mine->more) {
      EXPECT_EQ(mine->more, theirs->more);
    } else {
      expect_no_more(request);
    }
    for (std::size_t i = 0; i < mine->claims.size(); ++i) {
      const Claim& a = mine->claims[i];
      const Claim& b = theirs->claims[i];
      ASSERT_EQ(a.lease.key, b.lease.key);
      EXPECT_EQ(a.lease.until, b.lease.until);
      EXPECT_EQ(a.task, b.task);
      EXPECT_EQ(a.due_at, b.due_at);
      claims_.push_back({a, b});
      oracle_leases_.push_back(b.lease);
    }
    // Those forgotten here are workers that crashed.
    while (claims_.size() > 40) claims_.erase(claims_.begin());
  }

  // A store may have to ask to know: after a reopen it has forgotten which of those that are due
  // are leased. One more claim settles it.
  void expect_no_more(ClaimRequest request) {
    request.limit = std::max<std::size_t>(1, request.limit);
    const auto mine = subject_.store().claim_due(request);
    ASSERT_TRUE(mine) << mine.error().message;
    EXPECT_TRUE(mine->claims.empty());
    EXPECT_FALSE(mine->more);
  }

  void commit() {
    std::vector<Commit> mine;
    std::vector<Commit> theirs;
    std::map<TaskKey, int> used;
    for (std::size_t n = below(6); n > 0 && !claims_.empty(); --n) {
      const ClaimPair& pair = claims_[below(claims_.size())];
      if (!used.emplace(pair.subject.lease.key, 1).second) continue;
      Commit outcome =
          below(2) == 0 ? done(pair.subject, now_) : retried(pair.subject, now_, soon());
      outcome.task.in_order = below(4) == 0;
      if (below(3) == 0 && outcome.task.status == Status::kDone) {
        outcome.task.status = Status::kActive;
        outcome.task.next_attempt_date.reset();
        if (outcome.task.extra_date) {
          outcome.task.extra_date.reset();
          ++outcome.task.execution.extra;
        } else {
          outcome.task.scheduled_date = soon();
        }
      }
      if (outcome.task.status == Status::kDone) end(outcome.task);
      if (below(2) == 0) outcome.log->expires_at = now_ + seconds{static_cast<long>(below(60))};
      if (below(4) == 0) {
        // Of a key that no other item of the batch has.
        const TaskKey key{outcome.task.key.ns, "f" + std::to_string(below(10))};
        if (used.emplace(key, 1).second) outcome = followed_by(std::move(outcome), key.id, now_);
      }
      mine.push_back(outcome);
      outcome.lease = pair.oracle.lease;
      theirs.push_back(outcome);
    }
    for (std::size_t times = 1 + below(2); times > 0; --times) {
      const auto a = subject_.store().commit(mine);
      const auto b = oracle_.commit(theirs);
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_TRUE(same(a[i], b[i]) || may_be_gone(mine[i].task.key));
      }
    }
  }

  void change() {
    const TimePoint at = soon();
    const std::vector<Edit> edits{suspend_edit, unsuspend_edit,
                                  [at](Task task) -> Result<Task> {
                                    if (task.status == Status::kProcessing) {
                                      return fail(ErrorCode::kConflict, "it is being attempted");
                                    }
                                    task.status = Status::kActive;
                                    task.expires_at.reset();
                                    task.next_attempt_date = at;
                                    return task;
                                  },
                                  [at](Task task) -> Result<Task> {
                                    if (task.status != Status::kActive) {
                                      return fail(ErrorCode::kConflict, "it is not ACTIVE");
                                    }
                                    task.next_attempt_date.reset();
                                    task.extra_date = at;
                                    return task;
                                  }};
    const auto keys = random_keys();
    const Edit& edit = edits[below(edits.size())];
    compare_tasks(subject_.store().change(keys, edit, now_), oracle_.change(keys, edit, now_));
  }

  void remove() {
    const auto keys = random_keys();
    compare_tasks(subject_.store().remove(keys, now_), oracle_.remove(keys, now_));
  }

  void compare_tasks(const std::vector<Result<Task>>& mine,
                     const std::vector<Result<Task>>& theirs) {
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) EXPECT_TRUE(same(mine[i], theirs[i]));
  }

  void release() {
    if (claims_.empty()) return;
    const ClaimPair& pair = claims_[below(claims_.size())];
    EXPECT_TRUE(subject_.store().release(std::span(&pair.subject.lease, 1)));
    EXPECT_TRUE(oracle_.release(std::span(&pair.oracle.lease, 1)));
  }

  void query_tasks() {
    TaskQuery query;
    query.ns = random_key().ns;
    query.now = now_;
    query.limit = 1 + below(10);
    query.desc = below(2) == 0;
    if (below(3) == 0) query.id_prefix = random_key().id.substr(0, below(3));
    if (below(2) == 0) query.status = static_cast<Status>(below(5));
    query.not_ended = below(4) == 0;
    if (below(3) == 0) query.from = soon();
    if (below(3) == 0) query.to = soon();
    EXPECT_EQ(all_tasks(subject_.store(), query), all_tasks(oracle_, query));
  }

  void query_logs() {
    LogQuery query;
    query.ns = random_key().ns;
    query.now = now_;
    query.limit = 1 + below(10);
    query.desc = below(2) == 0;
    if (below(2) == 0) query.task_id = random_key().id;
    if (below(2) == 0) query.status = static_cast<LogStatus>(below(2));
    if (below(3) == 0) query.from = soon();
    if (below(3) == 0) query.to = soon();
    compare_logs(query);
  }

  void compare_logs(const LogQuery& query) {
    const auto mine = all_logs(subject_.store(), query);
    const auto theirs = all_logs(oracle_, query);
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) EXPECT_EQ(mine[i], theirs[i]);
  }

  // Revisions differ between the stores, as tokens do.
  struct RevisionPair {
    Revision subject;
    Revision oracle;
  };

  DocumentKey random_document_key() {
    const auto& names = differential_document_names();
    return {kDocumentKinds[below(2)], names[below(names.size())],
            names[1 + below(names.size() - 1)]};
  }

  // Of a document of that key as it is or was; one that no document has, where none was there.
  RevisionPair some_revision(const DocumentKey& key) {
    const auto& known = revisions_[key];
    return known.empty() ? RevisionPair{Revision{1}, Revision{1}} : known[below(known.size())];
  }

  void put_document() {
    const Document document{random_document_key(), std::string(below(300), 'd'), {}};
    Replaces mine = Whatever{};
    Replaces theirs = Whatever{};
    switch (below(4)) {
      case 0:
        break;
      case 1:
        mine = theirs = Nothing{};
        break;
      default: {
        const RevisionPair seen = some_revision(document.key);
        mine = seen.subject;
        theirs = seen.oracle;
      }
    }
    const auto a = subject_.store().put_document(document, mine, now_);
    const auto b = oracle_.put_document(document, theirs, now_);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) {
      EXPECT_EQ(a.error().code, b.error().code);
      return;
    }
    auto& known = revisions_[document.key];
    known.push_back({*a, *b});
    if (known.size() > 3) known.erase(known.begin());
  }

  void remove_document() {
    const DocumentKey key = random_document_key();
    std::optional<Revision> mine;
    std::optional<Revision> theirs;
    if (below(3) > 0) {
      const RevisionPair seen = some_revision(key);
      mine = seen.subject;
      theirs = seen.oracle;
    }
    const auto a = subject_.store().remove_document(key, mine);
    const auto b = oracle_.remove_document(key, theirs);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) {
      EXPECT_EQ(a.error().code, b.error().code);
    }
    compare_documents();
  }

  void compare_documents() {
    DocumentQuery query;
    query.kind = kDocumentKinds[below(2)];
    query.limit = 1 + below(10);
    if (below(2) == 0) {
      query.ns = random_document_key().ns;
      query.name_prefix = below(2) == 0 ? "" : "a";
    }
    compare_documents(query);
  }

  void compare_documents(const DocumentQuery& query) {
    const auto mine = all_documents(subject_.store(), query);
    auto theirs = all_documents(oracle_, query);
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      theirs[i].revision = mine[i].revision;
      EXPECT_EQ(mine[i], theirs[i]);
      const auto got = subject_.store().get_document(mine[i].key);
      EXPECT_TRUE(got && *got == mine[i]);
    }
  }

  void rare() {
    compare_due();
    switch (below(12)) {
      case 0:
        return clear();
      case 1:
        return reopen();
      default: {
        const TaskKey key = random_key();
        EXPECT_TRUE(same(subject_.store().get(key, now_), oracle_.get(key, now_)));
        return;
      }
    }
  }

  // What has expired counts for a store that still holds it: then all of both is cleared.
  void clear() {
    const std::string ns = random_key().ns;
    const std::size_t limit = 1 + below(20);
    const bool alike = std::none_of(ends_.begin(), ends_.end(), [&](const auto& end) {
      return end.first.ns == ns && end.second <= now_;
    });
    if (alike) {
      EXPECT_TRUE(same(subject_.store().clear(ns, limit), oracle_.clear(ns, limit)));
      return;
    }
    for (Store* const store : {&subject_.store(), &oracle_}) {
      auto cleared = store->clear(ns, limit);
      while (cleared && *cleared > 0) cleared = store->clear(ns, limit);
      EXPECT_TRUE(cleared);
    }
    std::erase_if(ends_, [&](const auto& end) { return end.first.ns == ns; });
  }

  // Where leases end with the process, the oracle gives its own back.
  void reopen() {
    if (!subject_.durable()) return;
    subject_.reopen();
    if (subject_.leases_outlive_reopen()) return;
    ASSERT_TRUE(oracle_.release(oracle_leases_));
    oracle_leases_.clear();
  }

  // A store may name an earlier time at which it knows more; a worker that waits until then asks
  // again.
  void compare_next_due() {
    TimePoint now = now_;
    auto mine = subject_.store().next_due(now);
    auto theirs = oracle_.next_due(now);
    for (int asked = 0; asked < 100 && mine && *mine && **mine > now; ++asked) {
      if (!theirs || **mine >= theirs->value_or(TimePoint::max())) break;
      now = **mine;
      mine = subject_.store().next_due(now);
      theirs = oracle_.next_due(now);
    }
    EXPECT_TRUE(same(mine, theirs));
  }

  void compare_due() {
    compare_next_due();
    const std::size_t limit = 1 + below(10);
    const auto a = all_due(subject_.store(), now_, now_ + seconds{5}, limit);
    const auto b = all_due(oracle_, now_, now_ + seconds{5}, limit);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].key, b[i].key);
      EXPECT_EQ(a[i].due_at, b[i].due_at);
      EXPECT_EQ(a[i].scheduled_date, b[i].scheduled_date);
    }
  }

  void compare_everything() {
    compare_due();
    for (const std::string& ns : differential_namespaces()) {
      TaskQuery tasks;
      tasks.ns = ns;
      tasks.now = now_;
      tasks.limit = 1000;
      EXPECT_EQ(all_tasks(subject_.store(), tasks), all_tasks(oracle_, tasks));
      LogQuery logs;
      logs.ns = ns;
      logs.now = now_;
      logs.limit = 1000;
      compare_logs(logs);
    }
    for (const char* const kind : kDocumentKinds) {
      DocumentQuery documents;
      documents.kind = kind;
      compare_documents(documents);
    }
  }

  StoreUnderTest& subject_;
  Store& oracle_;
  Choices& choices_;
  TimePoint now_ = kT0;
  std::multimap<TaskKey, TimePoint> ends_;  // that were asked for, and may still be stored
  std::vector<ClaimPair> claims_;
  std::vector<Lease> oracle_leases_;                            // all since the last reopen
  std::map<DocumentKey, std::vector<RevisionPair>> revisions_;  // the latest of each
};

}  // namespace

const std::vector<std::string>& differential_namespaces() {
  // Beginnings of each other, as bytes and as text.
  static const std::vector<std::string> kNamespaces{"a", "ab", std::string("a\0", 2)};
  return kNamespaces;
}

void remove_differential_documents(Store& store) {
  for (const char* const kind : kDocumentKinds) {
    DocumentQuery query;
    query.kind = kind;
    for (const StoredDocument& one : all_documents(store, query)) {
      EXPECT_TRUE(store.remove_document(one.key, {}));
    }
  }
}

void run_differential(StoreUnderTest& subject, Store& oracle, Choices& choices) {
  Differential(subject, oracle, choices).run();
}

void run_differential(StoreUnderTest& subject, Store& oracle, std::uint64_t seed, int steps) {
  RandomChoices choices(seed, steps);
  run_differential(subject, oracle, choices);
}

}  // namespace rhooks::testing
