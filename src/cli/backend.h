#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/config.h"

namespace rhooks::cli {

// The calls that commands make, wherever they are carried out. The meaning and the errors
// of each are those of rhooks::Hooks; a remote backend adds kUnavailable where no server
// answers and kUnknownOutcome where an answer is lost.
//
// Threads: one at a time. Blocking: every method waits for the store or the server.
class Backend {
 public:
  // What is known of a trigger() under way: counts where they are known, time always.
  using Progress = std::function<void(const TriggerResult&)>;

  virtual ~Backend() = default;

  virtual Result<Registration> register_task(NewTask task) = 0;
  // At most 1000. An error of the whole call stands for every item.
  virtual Result<std::vector<Result<Registration>>> register_many(std::vector<NewTask> tasks) = 0;
  virtual Result<Task> get(const TaskKey& key) = 0;
  virtual Result<TaskPage> fetch(const FetchQuery& query) = 0;
  virtual Result<LogPage> fetch_logs(const FetchLogsQuery& query) = 0;
  virtual Result<NamespacePage> namespaces(const NamespacesQuery& query) = 0;
  virtual Result<Task> remove(const TaskKey& key) = 0;
  virtual Result<ManyResult> remove_many(const ManyQuery& query) = 0;
  virtual Result<std::int64_t> clear(const std::string& ns) = 0;
  virtual Result<Task> suspend(const TaskKey& key) = 0;
  virtual Result<ManyResult> suspend_many(const ManyQuery& query) = 0;
  virtual Result<Task> unsuspend(const TaskKey& key) = 0;
  virtual Result<ManyResult> unsuspend_many(const ManyQuery& query) = 0;
  virtual Result<Task> trigger(const TaskKey& key) = 0;
  virtual Result<TriggerResult> trigger(const Progress& progress) = 0;
  virtual Result<DryrunResult> trigger_dryrun(int limit) = 0;
  virtual Result<StoreDescription> describe_store() = 0;
  // The scheduler itself, where it is in this process; otherwise null.
  virtual Hooks* local() { return nullptr; }
};

// Straight on a store, in this process and without a worker. Opens the store.
Result<std::unique_ptr<Backend>> open_local_backend(Options options);

struct RemoteOptions {
  std::string server;   // "http://127.0.0.1:8090"
  std::string api_key;  // sent as a Bearer token; empty: none is sent
  std::string ca_file;  // empty: the system's certificate authorities
  std::chrono::milliseconds connect_timeout{10'000};
};
// Through the REST API. Connects with the first call. Errors: kInvalidArgument.
Result<std::unique_ptr<Backend>> open_remote_backend(RemoteOptions options);

// The one that the flags, the environment and the file ask for: --server, --store,
// RHOOKS_STORE, RHOOKS_SERVER or the default server, the first of these that is given.
Result<std::unique_ptr<Backend>> open_backend(const Config& config);
// Whether that is the local one.
bool works_on_store(const Config& config);

}  // namespace rhooks::cli
