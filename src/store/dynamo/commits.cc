#include "base/check.h"
#include "store/dynamo/outbox.h"
#include "store/dynamo/store_impl.h"
#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

class DynamoStore::Committing {
 public:
  Committing(DynamoStore& store, std::span<const Commit> commits)
      : store_(store), commits_(commits), results_(commits.size(), CommitOutcome::kLeaseLost) {}

  // Logs first: an attempt that was made is a fact, and a task that is done without its log
  // would hide one. A log's key is its own, so that writing it again changes nothing.
  std::vector<Result<CommitOutcome>> run() {
    const auto logged = put_logs();
    std::vector<std::size_t> sent;
    std::vector<Call> calls;
    for (std::size_t i = 0; i < commits_.size(); ++i) {
      if (!logged[i]) {
        results_[i] = fail(logged[i].error());
        continue;
      }
      sent.push_back(i);
      calls.push_back(commit_call(commits_[i]));
    }
    asked_ = store_.due_.asking();
    auto written = store_.write_each(std::move(calls), [&](std::size_t n) -> const TaskKey& {
      return commits_[sent[n]].lease.key;
    });
    for (std::size_t n = 0; n < sent.size(); ++n) settle(sent[n], written[n]);
    settle_refused();
    finish_outboxes();
    store_.expire_payloads(expiring_);
    return std::move(results_);
  }

 private:
  struct Refused {
    std::size_t index = 0;
    bool maybe_ours = false;
    std::optional<Item> with_outbox = {};  // the item, where something waits there
  };

  // One result for each commit. Of one without a log there is nothing to put.
  std::vector<Result<void>> put_logs() {
    std::vector<Item> logs;
    std::vector<std::size_t> places;  // of each among the commits
    for (std::size_t i = 0; i < commits_.size(); ++i) {
      const Commit& commit = commits_[i];
      RHOOKS_CHECK(commit.task.key == commit.lease.key);
      RHOOKS_CHECK(commit.task.status != Status::kProcessing);
      if (!commit.log) continue;
      RHOOKS_CHECK(commit.log->task == commit.lease.key);
      logs.push_back(log_item(*commit.log));
      places.push_back(i);
    }
    std::vector<Result<void>> results(commits_.size());
    auto puts = store_.batches_.put(store_.parts_.tables.logs, std::move(logs));
    for (std::size_t n = 0; n < puts.size(); ++n) results[places[n]] = std::move(puts[n]);
    return results;
  }

  Call commit_call(const Commit& commit) {
    TaskRecord record;
    record.task = commit.task;
    record.last_token = commit.lease.token;
    if (!commit.follow_ups.empty()) return call_with_outbox(record, commit);
    Call call = store_.state_call(record, commit.lease.token, store_.fresh(), {}, {});
    if (record.task.expires_at) call.body["ReturnValues"] = "ALL_NEW";
    return call;
  }

  // The first step of outbox.h.
  Call call_with_outbox(const TaskRecord& record, const Commit& commit) {
    Item set;
    set_state(set, record, store_.fresh());
    set.erase("due");
    set.erase(kTtlAttribute);
    set["ob"] = bytes_value(encode_outbox(commit.follow_ups));
    Call call = store_.update_call(commit.lease.key, set, {"lu", "wl"}, "rev = :seen",
                                   {{":seen", uuid_value(commit.lease.token)}});
    call.body["ReturnValues"] = "ALL_NEW";
    return call;
  }

  void settle(std::size_t i, Written& written) {
    const Task& task = commits_[i].task;
    if (written.refused) {
      auto& [there, maybe_ours] = *written.refused;
      if (!there) {
        results_[i] = fail(maybe_ours ? maybe_done(task.key) : there.error());
        return;
      }
      store_.note_item(task.key, *there, asked_);
      const bool waits = *there && (*there)->contains("ob");
      refused_.push_back({i, maybe_ours, waits ? *there : std::nullopt});
      refused_items_.push_back(std::move(*there));
    } else if (!written.answer) {
      results_[i] = fail(std::move(written.answer.error()));
    } else {
      results_[i] = CommitOutcome::kApplied;
      const json::value* const item = written.answer->if_contains("Attributes");
      const bool known = item && item->is_object();
      if (known && item->get_object().contains("ob")) {
        outboxes_.push_back(item->get_object());
        return;
      }
      store_.note(task, asked_);
      if (known) expire(task, text_of(item->get_object(), "pl"));
    }
  }

  // The condition does not tell a lost lease from a commit that was applied before.
  void settle_refused() {
    const auto current = store_.with_payloads(std::move(refused_items_));
    for (std::size_t n = 0; n < refused_.size(); ++n) {
      const auto& [i, maybe_ours, with_outbox] = refused_[n];
      if (!current) {
        results_[i] = fail(maybe_ours ? maybe_done(commits_[i].task.key) : current.error());
        continue;
      }
      const Loaded& task = (*current)[n];
      if (!task) {
        results_[i] = fail(task.error());
      } else if (!*task) {
        results_[i] = CommitOutcome::kGone;
      } else if ((*task)->record.last_token == commits_[i].lease.token) {
        results_[i] = CommitOutcome::kApplied;
        if (with_outbox) {
          outboxes_.push_back(*with_outbox);
        } else if ((*task)->record.task.expires_at) {
          expire(commits_[i].task, (*task)->payload);
        }
      } else {
        results_[i] = CommitOutcome::kLeaseLost;
      }
    }
  }

  // The outcomes are stored whatever becomes of this: who meets an outbox that is left goes on.
  void finish_outboxes() {
    const auto finished = store_.finish_outboxes(outboxes_);
    for (std::size_t n = 0; n < outboxes_.size(); ++n) {
      if (!finished[n]) store_.note_item(key_of(outboxes_[n]), outboxes_[n], asked_);
    }
  }

  void expire(const Task& task, const std::optional<std::string>& payload) {
    if (!task.expires_at || !payload) return;
    expiring_.push_back({payload_key(task.key, *payload), *task.expires_at});
  }

  DynamoStore& store_;
  const std::span<const Commit> commits_;
  std::vector<Result<CommitOutcome>> results_;
  DueCache::Asked asked_{};
  std::vector<Refused> refused_;
  Items refused_items_;         // of them
  std::vector<Item> outboxes_;  // items of tasks, with what waits there
  std::vector<Expiring> expiring_;
};

std::vector<Result<CommitOutcome>> DynamoStore::do_commit(std::span<const Commit> commits) {
  return Committing(*this, commits).run();
}

}  // namespace rhooks::store::dynamo
