#pragma once

#include <rhooks/hooks_api.h>
#include <rhooks/options.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace rhooks {

// Thrown by the constructor only.
class HooksError : public std::runtime_error {
 public:
  explicit HooksError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

// The scheduler in this process: keeps tasks in a store and delivers them.
//
// No method gives back the value of a header that carries credentials, such as Authorization or
// Cookie: tasks, endpoints and logs have a placeholder in its place, "[redacted 6f1c9a0b12e45d78]".
// put_endpoint() takes that for the value as long as the URL has the same scheme, host and port.
//
// Threads: every method may be called from any thread.
// Blocking: every method waits for the store; trigger(), test_endpoint() and stop() also for
// deliveries.
class Hooks final : public HooksApi {
 public:
  // Opens the store. Errors: kInvalidArgument (an option; `field` names it), kUnavailable
  // (a store that another process has locked, no permission), kCorrupt, kUnsupported.
  static Result<std::unique_ptr<Hooks>> open(Options options);
  // The same; throws HooksError.
  explicit Hooks(Options options = {});
  // Stops the worker as stop() does.
  ~Hooks() override;

  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  Result<Registration> register_task(NewTask task) override;
  // The same for those who do not wait: calls `done` with the result, once, on a thread of the
  // scheduler, or on this one if nothing has to be stored for it. It must not throw, or wait for
  // another call of the scheduler. Calls that wait at the same time, of either kind, share one
  // sync. With a dynamodb: store this waits all the same, and so it does for one read where a task
  // has an idempotency key and an endpoint that is not there. kOverloaded: some 16,000 of them, or
  // 64 MiB, wait already.
  void register_task(NewTask task, std::function<void(Result<Registration>)> done);
  Result<std::vector<Result<Registration>>> register_many(std::vector<NewTask> tasks) override;
  Result<Task> get(const TaskKey& key) override;
  Result<TaskPage> fetch(const FetchQuery& query) override;
  Result<LogPage> fetch_logs(const FetchLogsQuery& query) override;
  Result<NamespacePage> namespaces(const NamespacesQuery& query) override;
  // Of those alone that `among` names, as ApiKeySpec::namespaces does; a start_key goes with that
  // list.
  Result<NamespacePage> namespaces(const NamespacesQuery& query,
                                   const std::vector<std::string>& among);
  Result<Task> remove(const TaskKey& key) override;
  Result<ManyResult> remove_many(const ManyQuery& query) override;
  Result<std::int64_t> clear(const std::string& ns) override;
  Result<Task> suspend(const TaskKey& key) override;
  Result<ManyResult> suspend_many(const ManyQuery& query) override;
  Result<Task> unsuspend(const TaskKey& key) override;
  Result<ManyResult> unsuspend_many(const ManyQuery& query) override;
  Result<Task> cancel(const TaskKey& key) override;
  Result<ManyResult> cancel_many(const ManyQuery& query) override;
  Result<Task> trigger(const TaskKey& key) override;
  Result<TriggerResult> trigger(const Progress& progress = {}) override;
  Result<DryrunResult> trigger_dryrun(int limit = 1000) override;
  Result<Preview> preview(const PreviewQuery& query) override;
  Result<Preview> preview(const TaskKey& key, const PreviewRange& range = {}) override;
  Result<BackfillResult> backfill(const BackfillQuery& query) override;
  Result<EndpointPut> put_endpoint(Endpoint endpoint, const std::string& if_revision = {}) override;
  Result<Endpoint> endpoint(const std::string& ns, const std::string& name) override;
  Result<EndpointPage> endpoints(const EndpointsQuery& query) override;
  Result<Endpoint> remove_endpoint(const std::string& ns, const std::string& name,
                                   const std::string& if_revision = {},
                                   bool force = false) override;
  Result<Endpoint> pause_endpoint(const std::string& ns, const std::string& name) override;
  Result<Endpoint> resume_endpoint(const std::string& ns, const std::string& name) override;
  Result<Log> test_endpoint(const std::string& ns, const std::string& name,
                            Request request) override;
  Result<SecretPut> put_secret(NewSecret secret, const std::string& if_revision = {}) override;
  Result<Secret> secret(const std::string& ns, const std::string& name) override;
  Result<SecretPage> secrets(const SecretsQuery& query) override;
  Result<Secret> rotate_secret(const std::string& ns, const std::string& name,
                               SecretRotation rotation,
                               const std::string& if_revision = {}) override;
  Result<Secret> remove_secret(const std::string& ns, const std::string& name,
                               const std::string& if_revision = {}, bool force = false) override;
  Result<Redrive> start_redrive(Redrive redrive) override;
  Result<Redrive> redrive(const std::string& ns) override;
  Result<Redrive> cancel_redrive(const std::string& ns) override;
  Result<CreatedApiKey> create_api_key(ApiKeySpec key) override;
  Result<ApiKey> api_key(const std::string& id) override;
  Result<ApiKeyPage> api_keys(const ApiKeysQuery& query) override;
  Result<ApiKey> change_api_key(const std::string& id, ApiKeySpec key,
                                const std::string& if_revision = {}) override;
  Result<ApiKey> revoke_api_key(const std::string& id,
                                const std::string& if_revision = {}) override;
  Result<StoreDescription> describe_store() override;

  // Starts the background worker, which delivers each task on its millisecond, and goes on with
  // redrives that were left. Idempotent.
  Result<void> start();
  // Claims no more, lets attempts end until drain_timeout, releases what was not sent. Redrives are
  // carried no further until start(). Idempotent.
  void stop();
  // Makes a stop() that is under way, or the next one, not wait for attempts.
  void stop_now();

  // Which API key it is that somebody sends. Keys that other processes make, change or revoke are
  // known within 5 s; this waits for the store where they are to be read, once in that time at
  // most, and takes the same time whatever is wrong with a key. Errors: those of the store, before
  // keys could be read at all; afterwards it goes by what is known.
  Result<SentApiKey> find_api_key(std::string_view text);
  // The same without waiting. None: find_api_key() would wait.
  std::optional<SentApiKey> known_api_key(std::string_view text) const;

  // Whether the store can be used now.
  Result<void> check();
  // Metrics in the Prometheus text format 0.0.4.
  std::string metrics() const;

  struct Parts;  // other parts than Options opens, for tests (src/hooks/hooks_parts.h)
  explicit Hooks(Parts parts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rhooks
