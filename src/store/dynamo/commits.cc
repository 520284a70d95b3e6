#include "base/check.h"
#include "store/dynamo/store_impl.h"

namespace rhooks::store::dynamo {

namespace json = boost::json;

// Logs first: an attempt that was made is a fact, and a task that is done without its log
// would hide one. A log's key is its own, so that writing it again changes nothing.
std::vector<Result<CommitOutcome>> DynamoStore::commit(std::span<const Commit> commits) {
  std::vector<Item> logs;
  for (const Commit& commit : commits) {
    RHOOKS_CHECK(commit.task.key == commit.lease.key && commit.log.task == commit.lease.key);
    RHOOKS_CHECK(commit.task.status != Status::kProcessing);
    logs.push_back(log_item(commit.log));
  }
  const auto logged = batches_.put(parts_.tables.logs, std::move(logs));

  std::vector<Result<CommitOutcome>> results(commits.size(), CommitOutcome::kLeaseLost);
  std::vector<std::size_t> sent;
  std::vector<Uuid> revs;
  std::vector<Call> calls;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (!logged[i]) {
      results[i] = fail(logged[i].error());
      continue;
    }
    TaskRecord record;
    record.task = commits[i].task;
    record.last_token = commits[i].lease.token;
    sent.push_back(i);
    revs.push_back(fresh());
    calls.push_back(state_call(record, commits[i].lease.token, revs.back(), {}, {}));
    if (record.task.expires_at) calls.back().body["ReturnValues"] = "ALL_NEW";
  }
  const auto asked = due_.asking();
  auto replies = client_.call_all(std::move(calls));

  std::vector<std::size_t> refused;  // positions in `sent`
  std::vector<TaskKey> keys;
  std::vector<Reply> refusals;
  std::vector<Expiring> expiring;
  const auto expires = [&](std::size_t i, const std::optional<std::string>& payload) {
    const Task& task = commits[i].task;
    if (task.expires_at && payload) {
      expiring.push_back({payload_key(task.key, *payload), *task.expires_at});
    }
  };
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const std::size_t i = sent[n];
    if (replies[n] && replies[n]->condition_failed()) {
      refused.push_back(n);
      keys.push_back(commits[i].lease.key);
      refusals.push_back(std::move(*replies[n]));
      continue;
    }
    auto answer = answer_of(std::move(replies[n]), parts_.tables.tasks);
    if (!answer) {
      results[i] = fail(std::move(answer.error()));
      continue;
    }
    note(commits[i].task, asked);
    results[i] = CommitOutcome::kApplied;
    const json::value* const item = answer->if_contains("Attributes");
    if (item && item->is_object()) expires(i, text_of(item->get_object(), "pl"));
  }
  if (refused.empty()) {
    expire_payloads(expiring);
    return results;
  }

  // The condition does not tell a lost lease from a commit that was applied before.
  const auto unread = [&](std::size_t k, const Error& error) {
    results[sent[refused[k]]] =
        refusals[k].maybe_applied_before ? fail(maybe_done(keys[k])) : fail(error);
  };
  auto items = items_now(keys, refusals);
  if (items) {
    for (std::size_t k = 0; k < keys.size(); ++k) note_item(keys[k], (*items)[k], asked);
  }
  auto current = items ? with_payloads(std::move(*items)) : fail(std::move(items.error()));
  for (std::size_t k = 0; k < refused.size(); ++k) {
    const std::size_t i = sent[refused[k]];
    if (!current) {
      unread(k, current.error());
      continue;
    }
    const Loaded& task = (*current)[k];
    if (!task) {
      results[i] = fail(task.error());
    } else if (!*task) {
      results[i] = CommitOutcome::kGone;
    } else if ((*task)->record.last_token == commits[i].lease.token) {
      results[i] = CommitOutcome::kApplied;
      if ((*task)->record.task.expires_at) expires(i, (*task)->payload);
    } else {
      results[i] = CommitOutcome::kLeaseLost;
    }
  }
  expire_payloads(expiring);
  return results;
}

}  // namespace rhooks::store::dynamo
