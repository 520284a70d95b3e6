#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "engine/redrive_loop.h"
#include "engine/runner.h"
#include "hooks/document_writer.h"
#include "hooks/hooks_parts.h"
#include "hooks/ordered_dates.h"
#include "hooks/registration_batcher.h"
#include "schedule/timetable.h"

namespace rhooks {

// State of a Hooks. Its methods stand in seven files by what they do: hooks.cc (one task, the
// worker), hooks_many.cc (pages and bulk operations), hooks_backfill.cc, hooks_endpoints.cc (one
// endpoint), hooks_secrets.cc (one secret), hooks_api_keys.cc (one API key) and hooks_redrives.cc.
struct Hooks::Impl {
  explicit Impl(Parts given);

  Parts parts;
  UuidGenerator uuids;
  OrderedDates dates;
  engine::Runner runner;
  engine::RedriveLoop redrives;

  store::Store& store() { return *parts.store; }
  store::Endpoints& endpoints() { return *parts.endpoints; }
  store::ApiKeys& api_keys() const { return *parts.api_keys; }
  TimePoint now() const { return parts.clock->now(); }

  // Makes a task what is stored, and checks all that it tells of itself. Errors: kInvalidArgument.
  static Result<void> normalize(NewTask& task);
  // The same, and checks that its endpoint is there and its schedule goes on, unless it was
  // registered before. Errors: also kNotFound, field "endpoint"; kUnsupported, without time zones;
  // those of the store.
  Result<void> check(NewTask& task);
  // Those of its schedule from `at` on, if it has one.
  using Times = Result<std::shared_ptr<const schedule::Timetable>>;
  Times times_from(NewTask& task, TimePoint at);
  // What a task is that was not stored for this `error`: it may have been before.
  Result<Registration> registered_before(const NewTask& task, const Error& error);
  // Whether webhooks may be sent there, as far as the URL tells: names are looked up when they are
  // sent. Errors: kInvalidArgument, with that field.
  Result<void> check_egress(const std::string& url, const char* field) const;
  // The first task of its idempotency key; where it has none it fails with this `error`. Errors:
  // also those of the store, with which it may have one.
  Result<Task> first_of(const NewTask& task, const Error& error);
  // Stores tasks that are checked already, with one call of the store.
  std::vector<Result<Registration>> store_all(std::vector<NewTask> tasks);
  // Dates a task that is registered for now, where its endpoint is ordered.
  void put_in_order(Task& task, TimePoint at);
  // What became of a record that was put, and was not created.
  Result<Registration> found(const model::TaskRecord& record, bool idempotent,
                             const Result<store::PutResult>& put);
  store::Edit cancelling() const;    // model::cancel(), as of now
  store::Edit unsuspending() const;  // model::unsuspend(), as of now
  // As of now, with the times of each task.
  using Transition =
      std::function<Result<Task>(Task task, TimePoint now, const schedule::Timetable* times)>;
  store::Edit with_times(Transition make) const;
  Result<Task> change_one(const TaskKey& key, const store::Edit& edit);
  // A task as it is stored, with its credentials.
  Result<Task> stored(const TaskKey& key);
  // What a task and an endpoint are to those who ask: with what no store has, and without
  // credentials. Nothing leaves a Hooks but by these.
  Task shown(Task task);
  Endpoint shown(Endpoint endpoint);
  Endpoint redacted(Endpoint endpoint);  // without what holds its tasks: right after a change
  secrets::Redaction& redaction() { return parts.secrets->redaction(); }
  // Changes a chunk of the tasks that match and are in status `from`; `verb` is what is done.
  Result<ManyResult> change_many(ManyQuery query, Status from, const char* verb,
                                 const store::Edit& edit);
  // What is known of endpoints and secrets follows what these write.
  DocumentWriter endpoint_writer();
  DocumentWriter secret_writer();
  DocumentWriter api_key_writer();
  // By what is known of API keys. None: they were not read so far.
  std::optional<SentApiKey> sent_api_key(std::string_view text, TimePoint at) const;
  // As it is sent. Errors: as of Hooks::endpoint().
  Result<Endpoint> stored_endpoint(const std::string& ns, const std::string& name);
  Result<Endpoint> set_paused(const std::string& ns, const std::string& name, bool paused);
  // Makes one request, with a sender of its own. Errors: kUnavailable (there is none);
  // kUnknownOutcome (a stop() came between).
  Result<model::AttemptOutcome> attempt_once(delivery::HttpRequest request);

  std::atomic<int> stops{0};  // calls of stop()
  // Given with Parts::share_writes. The last of the members: it uses the others until it ends.
  std::optional<RegistrationBatcher> batcher;
};

}  // namespace rhooks
