#include "cli/backend.h"
#include "hooks/hooks_parts.h"

namespace rhooks::cli {
namespace {

class LocalBackend final : public Backend {
 public:
  explicit LocalBackend(std::unique_ptr<Hooks> hooks) : hooks_(std::move(hooks)) {}

  Result<Registration> register_task(NewTask task) override {
    // register_many tells a replay from a new task, which register_task does not.
    std::vector<NewTask> one;
    one.push_back(std::move(task));
    return std::move(hooks_->register_many(std::move(one)).at(0));
  }
  Result<std::vector<Result<Registration>>> register_many(std::vector<NewTask> tasks) override {
    return hooks_->register_many(std::move(tasks));
  }
  Result<Task> get(const TaskKey& key) override { return hooks_->get(key); }
  Result<TaskPage> fetch(const FetchQuery& query) override { return hooks_->fetch(query); }
  Result<LogPage> fetch_logs(const FetchLogsQuery& query) override {
    return hooks_->fetch_logs(query);
  }
  Result<NamespacePage> namespaces(const NamespacesQuery& query) override {
    return hooks_->namespaces(query);
  }
  Result<Task> remove(const TaskKey& key) override { return hooks_->remove(key); }
  Result<ManyResult> remove_many(const ManyQuery& query) override {
    return hooks_->remove_many(query);
  }
  Result<std::int64_t> clear(const std::string& ns) override { return hooks_->clear(ns); }
  Result<Task> suspend(const TaskKey& key) override { return hooks_->suspend(key); }
  Result<ManyResult> suspend_many(const ManyQuery& query) override {
    return hooks_->suspend_many(query);
  }
  Result<Task> unsuspend(const TaskKey& key) override { return hooks_->unsuspend(key); }
  Result<ManyResult> unsuspend_many(const ManyQuery& query) override {
    return hooks_->unsuspend_many(query);
  }
  Result<Task> trigger(const TaskKey& key) override { return hooks_->trigger(key); }
  Result<TriggerResult> trigger(const Progress& progress) override {
    return hooks_->trigger(progress);
  }
  Result<DryrunResult> trigger_dryrun(int limit) override { return hooks_->trigger_dryrun(limit); }
  Result<StoreDescription> describe_store() override { return hooks_->describe_store(); }
  Hooks* local() override { return hooks_.get(); }

 private:
  std::unique_ptr<Hooks> hooks_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_local_backend(Options options) {
  const bool exclusive = !store_traits(options.store).directory.empty();
  auto hooks = Hooks::open(std::move(options));
  if (!hooks) {
    Error error = std::move(hooks.error());
    if (exclusive && error.code == ErrorCode::kUnavailable) {
      error.message += " (if a server uses this store, leave --store out to talk to the server)";
    }
    return fail(std::move(error));
  }
  return std::make_unique<LocalBackend>(std::move(*hooks));
}

bool works_on_store(const Config& config) {
  // A store named in the file is the one that `serve` holds: commands that read the same
  // file talk to that server.
  const Config::From store = config.at("store").from;
  return config.at("server").from != Config::From::kFlag &&
         (store == Config::From::kFlag || store == Config::From::kEnvironment);
}

Result<std::unique_ptr<Backend>> open_backend(const Config& config) {
  if (works_on_store(config)) return open_local_backend(config.options());
  RemoteOptions options;
  options.server = config.text("server");
  options.api_key = config.text("api_key");
  options.ca_file = config.text("ca_file");
  options.connect_timeout = config.duration("connect_timeout");
  return open_remote_backend(std::move(options));
}

}  // namespace rhooks::cli
