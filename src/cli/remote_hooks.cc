#include "cli/remote_hooks.h"

#include <future>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/ca_file.h"
#include "base/iso8601.h"
#include "cli/metrics_text.h"
#include "codec/public_json.h"
#include "model/outcome.h"

namespace rhooks::cli {
namespace {

using std::chrono::milliseconds;

std::string namespace_path(const std::string& ns) {
  return "/v1/namespaces/" + percent_encoded(ns);
}

std::string tasks_path(const std::string& ns) {
  return namespace_path(ns) + "/tasks";
}

std::string task_path(const TaskKey& key) {
  return tasks_path(key.ns) + '/' + percent_encoded(key.id);
}

std::string endpoints_path(const std::string& ns) {
  return namespace_path(ns) + "/endpoints";
}

std::string secrets_path(const std::string& ns) {
  return namespace_path(ns) + "/secrets";
}

std::string secret_path(const std::string& ns, const std::string& name) {
  return secrets_path(ns) + '/' + percent_encoded(name);
}

constexpr const char* kApiKeysPath = "/v1/admin/keys";

std::string api_key_path(const std::string& id) {
  return std::string(kApiKeysPath) + '/' + percent_encoded(id);
}

std::string redrive_path(const std::string& ns) {
  return namespace_path(ns) + "/redrive";
}

std::string endpoint_path(const std::string& ns, const std::string& name) {
  return endpoints_path(ns) + '/' + percent_encoded(name);
}

std::vector<Header> only_if(const std::string& revision) {
  if (revision.empty()) return {};
  if (revision == kIfNone) return {{"If-None-Match", "*"}};
  return {{"If-Match", '"' + revision + '"'}};
}

// Builds "/path?a=b&c=d", leaving out what is empty.
class Query {
 public:
  explicit Query(std::string path) : text_(std::move(path)) {}

  Query& add(const char* name, const std::string& value) {
    if (value.empty()) return *this;
    text_ += std::exchange(separator_, '&');
    text_ += name;
    text_ += '=';
    text_ += percent_encoded(value);
    return *this;
  }
  Query& add(const char* name, const std::optional<TimePoint>& t) {
    return t ? add(name, format_time(*t)) : *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  char separator_ = '?';
};

// What proxies and load balancers answer for a server that they do not reach, or that does not
// answer them: RFC 9110, sections 15.6.3 to 15.6.5, and the 52x and 530 of Cloudflare.
bool is_of_gateway(int status) {
  return (status >= 502 && status <= 504) || (status >= 520 && status <= 530);
}

class RemoteHooks final : public HooksApi {
 public:
  explicit RemoteHooks(RestClientOptions options)
      : client_options_(std::move(options)), client_(client_options_) {}

  Result<Registration> register_task(NewTask task) override {
    auto body = codec::to_json(task);
    if (!body) return fail(std::move(body.error()));
    const auto answer = send({"POST", tasks_path(task.ns), std::move(*body), kCallTimeout});
    if (!answer) return fail(answer.error());
    auto parsed = read(*answer, codec::parse_task);
    if (!parsed) return fail(std::move(parsed.error()));
    return Registration{std::move(*parsed), answer->status == 201};
  }

  Result<std::vector<Result<Registration>>> register_many(std::vector<NewTask> tasks) override {
    std::string body = "{\"items\":[";
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      auto item = codec::to_json(tasks[i]);
      if (!item) return fail(std::move(item.error()));
      if (i > 0) body += ',';
      body += *item;
    }
    auto results =
        call({"POST", "/v1/tasks/batch", std::move(body) + "]}"}, codec::parse_registrations);
    if (results && results->size() != tasks.size()) {
      return fail(ErrorCode::kInternal, "the answer of " + client_options_.base + " has " +
                                            std::to_string(results->size()) + " results for " +
                                            std::to_string(tasks.size()) + " tasks");
    }
    return results;
  }

  Result<TaskPage> fetch(const FetchQuery& query) override {
    const TaskFilter& filter = query.filter;
    return call({"GET", Query(tasks_path(filter.ns))
                            .add("id", filter.id)
                            .add("status", filter.status ? to_string(*filter.status) : "")
                            .add("from", filter.from)
                            .add("to", filter.to)
                            .add("endpoint", filter.endpoint)
                            .add("reason", filter.reason)
                            .add("lastStatus",
                                 filter.last_status ? std::to_string(*filter.last_status) : "")
                            .add("desc", query.desc ? "true" : "")
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_task_page);
  }

  Result<LogPage> fetch_logs(const FetchLogsQuery& query) override {
    return call({"GET", Query(namespace_path(query.ns) + "/logs")
                            .add("taskId", query.task_id)
                            .add("status", query.status ? to_string(*query.status) : "")
                            .add("from", query.from)
                            .add("to", query.to)
                            .add("desc", query.desc ? "true" : "")
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_log_page);
  }

  Result<NamespacePage> namespaces(const NamespacesQuery& query) override {
    return call({"GET", Query("/v1/namespaces")
                            .add("prefix", query.prefix)
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_namespace_page);
  }

  Result<Task> get(const TaskKey& key) override { return act("GET", key); }
  Result<Task> remove(const TaskKey& key) override { return act("DELETE", key); }
  Result<Task> suspend(const TaskKey& key) override { return act("POST", key, "/suspend"); }
  Result<Task> unsuspend(const TaskKey& key) override { return act("POST", key, "/unsuspend"); }
  Result<Task> cancel(const TaskKey& key) override { return act("POST", key, "/cancel"); }
  Result<Task> trigger(const TaskKey& key) override { return act("POST", key, "/trigger"); }
  Result<ManyResult> remove_many(const ManyQuery& q) override { return many(q, "/delete"); }
  Result<ManyResult> suspend_many(const ManyQuery& q) override { return many(q, "/suspend"); }
  Result<ManyResult> unsuspend_many(const ManyQuery& q) override { return many(q, "/unsuspend"); }
  Result<ManyResult> cancel_many(const ManyQuery& q) override { return many(q, "/cancel"); }

  Result<std::int64_t> clear(const std::string& ns) override {
    return call({"DELETE", namespace_path(ns)}, codec::parse_count, kAsLongAsItTakes);
  }

  Result<TriggerResult> trigger(const Progress& progress) override {
    const auto run = [this] {
      return call({"POST", "/v1/trigger"}, codec::parse_trigger_result, kAsLongAsItTakes);
    };
    if (!progress) return run();

    // The answer comes when all is done; until then the server's own counters tell how far
    // it is. They also count what its worker does meanwhile, so this is an estimate.
    RestClient watcher(client_options_);
    const auto attempts = [&]() -> std::optional<TriggerResult> {
      const auto answer = watcher.call({"GET", "/metrics", {}, milliseconds{2'000}});
      if (!answer || answer->status != 200) return std::nullopt;
      return attempts_in(answer->body);
    };
    const auto before = attempts();
    auto result = std::async(std::launch::async, run);
    while (result.wait_for(milliseconds{500}) != std::future_status::ready) {
      TriggerResult so_far;
      if (const auto now = attempts(); now && before) {
        so_far.processed = now->processed - before->processed;
        so_far.errors = now->errors - before->errors;
      }
      progress(so_far);
    }
    return result.get();
  }

  Result<DryrunResult> trigger_dryrun(int limit) override {
    auto result =
        call({"POST", "/v1/trigger/dryrun"}, codec::parse_dryrun_result, kAsLongAsItTakes);
    if (result && result->items.size() > static_cast<std::size_t>(limit)) {
      result->items.resize(static_cast<std::size_t>(limit));
    }
    return result;
  }

  Result<Preview> preview(const PreviewQuery& query) override {
    auto body = codec::to_json(query);
    if (!body) return fail(std::move(body.error()));
    return call({"POST", "/v1/schedule/preview", std::move(*body)}, codec::parse_preview);
  }

  Result<Preview> preview(const TaskKey& key, const PreviewRange& range) override {
    return call({"GET", Query(task_path(key) + "/preview")
                            .add("from", range.from)
                            .add("count", std::to_string(range.count))
                            .text()},
                codec::parse_preview);
  }

  Result<BackfillResult> backfill(const BackfillQuery& query) override {
    return call({"POST", task_path(query.key) + "/backfill", codec::to_json(query)},
                codec::parse_backfill_result);
  }

  Result<EndpointPut> put_endpoint(Endpoint endpoint, const std::string& if_revision) override {
    auto body = codec::to_put_json(endpoint);
    if (!body) return fail(std::move(body.error()));
    const auto answer = send({"PUT", endpoint_path(endpoint.ns, endpoint.name), std::move(*body),
                              kCallTimeout, only_if(if_revision)});
    if (!answer) return fail(answer.error());
    auto parsed = read(*answer, codec::parse_endpoint);
    if (!parsed) return fail(std::move(parsed.error()));
    return EndpointPut{std::move(*parsed), answer->status == 201};
  }

  Result<Endpoint> endpoint(const std::string& ns, const std::string& name) override {
    return call({"GET", endpoint_path(ns, name)}, codec::parse_endpoint);
  }

  Result<EndpointPage> endpoints(const EndpointsQuery& query) override {
    return call({"GET", Query(endpoints_path(query.ns))
                            .add("prefix", query.prefix)
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_endpoint_page);
  }

  Result<Endpoint> remove_endpoint(const std::string& ns, const std::string& name,
                                   const std::string& if_revision, bool force) override {
    RestCall removal{"DELETE",
                     Query(endpoint_path(ns, name)).add("force", force ? "true" : "").text()};
    removal.headers = only_if(if_revision);
    return call(std::move(removal), codec::parse_endpoint, kAsLongAsItTakes);
  }

  Result<Endpoint> pause_endpoint(const std::string& ns, const std::string& name) override {
    return call({"POST", endpoint_path(ns, name) + "/pause"}, codec::parse_endpoint);
  }
  Result<Endpoint> resume_endpoint(const std::string& ns, const std::string& name) override {
    return call({"POST", endpoint_path(ns, name) + "/resume"}, codec::parse_endpoint);
  }

  Result<Log> test_endpoint(const std::string& ns, const std::string& name,
                            Request request) override {
    auto body = codec::to_test_json(request);
    if (!body) return fail(std::move(body.error()));
    return call({"POST", endpoint_path(ns, name) + "/test", std::move(*body)}, codec::parse_log,
                kAsLongAsItTakes);
  }

  Result<SecretPut> put_secret(NewSecret secret, const std::string& if_revision) override {
    auto body = codec::to_json(secret);
    if (!body) return fail(std::move(body.error()));
    const auto answer = send({"PUT", secret_path(secret.ns, secret.name), std::move(*body),
                              kCallTimeout, only_if(if_revision)});
    if (!answer) return fail(answer.error());
    auto parsed = read(*answer, codec::parse_secret);
    if (!parsed) return fail(std::move(parsed.error()));
    return SecretPut{std::move(*parsed), answer->status == 201};
  }

  Result<Secret> secret(const std::string& ns, const std::string& name) override {
    return call({"GET", secret_path(ns, name)}, codec::parse_secret);
  }

  Result<SecretPage> secrets(const SecretsQuery& query) override {
    return call({"GET", Query(secrets_path(query.ns))
                            .add("prefix", query.prefix)
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_secret_page);
  }

  Result<Secret> rotate_secret(const std::string& ns, const std::string& name,
                               SecretRotation rotation, const std::string& if_revision) override {
    auto body = codec::to_json(rotation);
    if (!body) return fail(std::move(body.error()));
    RestCall rotate{"POST", secret_path(ns, name) + "/rotate", std::move(*body)};
    rotate.headers = only_if(if_revision);
    return call(std::move(rotate), codec::parse_secret);
  }

  Result<Secret> remove_secret(const std::string& ns, const std::string& name,
                               const std::string& if_revision, bool force) override {
    RestCall removal{"DELETE",
                     Query(secret_path(ns, name)).add("force", force ? "true" : "").text()};
    removal.headers = only_if(if_revision);
    return call(std::move(removal), codec::parse_secret, kAsLongAsItTakes);
  }

  Result<CreatedApiKey> create_api_key(ApiKeySpec key) override {
    auto body = codec::to_json(key);
    if (!body) return fail(std::move(body.error()));
    return call({"POST", kApiKeysPath, std::move(*body)}, codec::parse_created_api_key);
  }
  Result<ApiKey> api_key(const std::string& id) override {
    return call({"GET", api_key_path(id)}, codec::parse_api_key);
  }
  Result<ApiKeyPage> api_keys(const ApiKeysQuery& query) override {
    return call({"GET", Query(kApiKeysPath)
                            .add("limit", std::to_string(query.limit))
                            .add("startKey", query.start_key)
                            .text()},
                codec::parse_api_key_page);
  }
  Result<ApiKey> change_api_key(const std::string& id, ApiKeySpec key,
                                const std::string& if_revision) override {
    auto body = codec::to_changes_json(key);
    if (!body) return fail(std::move(body.error()));
    RestCall change{"PATCH", api_key_path(id), std::move(*body)};
    change.headers = only_if(if_revision);
    return call(std::move(change), codec::parse_api_key);
  }
  Result<ApiKey> revoke_api_key(const std::string& id, const std::string& if_revision) override {
    RestCall removal{"DELETE", api_key_path(id)};
    removal.headers = only_if(if_revision);
    return call(std::move(removal), codec::parse_api_key);
  }

  Result<Redrive> start_redrive(Redrive redrive) override {
    auto body = codec::to_start_json(redrive);
    if (!body) return fail(std::move(body.error()));
    return call({"POST", redrive_path(redrive.ns), std::move(*body)}, codec::parse_redrive);
  }
  Result<Redrive> redrive(const std::string& ns) override {
    return call({"GET", redrive_path(ns)}, codec::parse_redrive);
  }
  Result<Redrive> cancel_redrive(const std::string& ns) override {
    return call({"DELETE", redrive_path(ns)}, codec::parse_redrive);
  }

  Result<StoreDescription> describe_store() override {
    return call({"GET", "/v1/store"}, codec::parse_store_description);
  }

 private:
  template <typename T>
  using Parse = Result<T> (*)(std::string_view);

  static constexpr milliseconds kCallTimeout{120'000};
  static constexpr milliseconds kAsLongAsItTakes{0};

  // An answer of 2xx, or the error that the server names.
  Result<net::HttpAnswer> send(const RestCall& call) {
    auto answer = client_.call(call);
    if (!answer || (answer->status >= 200 && answer->status < 300)) return answer;
    // A gateway may word its own failures as problem documents; the server has 503 among these.
    if (!answer->content_type.starts_with("application/problem+json") ||
        (is_of_gateway(answer->status) && answer->status != 503)) {
      return fail(of_another(call, *answer));
    }
    Error error = codec::parse_problem_json(answer->status, answer->body);
    if (answer->status == 401) {
      error.message += client_options_.api_key.empty()
                           ? "; set RHOOKS_API_KEY to a key of the server"
                           : "; the key in RHOOKS_API_KEY opens nothing there";
    }
    return fail(std::move(error));
  }

  std::string not_ours(const net::HttpAnswer& answer) const {
    return client_options_.base + " answered " + std::to_string(answer.status) + " with " +
           (answer.content_type.empty() ? "no content type" : answer.content_type) +
           ", which no rhooks server does; check the address in --server or RHOOKS_SERVER";
  }

  // Why there is an answer that the server did not give: what stands before it did.
  Error of_another(const RestCall& call, const net::HttpAnswer& answer) const {
    const std::string& base = client_options_.base;
    const std::string phrase = model::reason_phrase(answer.status);
    const std::string answered = base + " answered " + std::to_string(answer.status) +
                                 (phrase.empty() ? "" : " (" + phrase + ")");
    if (is_of_gateway(answer.status)) {
      const std::string why = answered + ": a proxy before the server got no answer from it; ";
      if (std::string_view(call.method) == "GET") {
        return {ErrorCode::kUnavailable, why + "see that the server runs, and try again", ""};
      }
      return {ErrorCode::kUnknownOutcome,
              why + "the request may have been carried out: look before you repeat it", ""};
    }
    if (answer.status == 413) {
      return {ErrorCode::kInvalidArgument,
              answered + ": a proxy before the server takes no request of " +
                  std::to_string(call.body ? call.body->size() : 0) +
                  " bytes; raise its limit (client_max_body_size of nginx), or send less at once",
              ""};
    }
    if (!answer.location.empty()) {
      std::string there = answer.location;
      if (there.ends_with(call.path)) there.resize(there.size() - call.path.size());
      return {ErrorCode::kInvalidArgument,
              answered + " and points to " + there + "; give that address in --server or " +
                  "RHOOKS_SERVER",
              "server"};
    }
    return {ErrorCode::kInternal, not_ours(answer), ""};
  }

  template <typename T>
  Result<T> read(const net::HttpAnswer& answer, Parse<T> parse) const {
    auto parsed = parse(answer.body);
    if (parsed) return parsed;
    if (!answer.content_type.starts_with("application/json")) {
      return fail(ErrorCode::kInternal, not_ours(answer));
    }
    return fail(ErrorCode::kInternal, "the answer of " + client_options_.base +
                                          " cannot be read: " + parsed.error().message);
  }

  template <typename T>
  Result<T> call(RestCall call, Parse<T> parse, milliseconds timeout = kCallTimeout) {
    call.timeout = timeout;
    const auto answer = send(call);
    if (!answer) return fail(answer.error());
    return read(*answer, parse);
  }

  Result<Task> act(const char* method, const TaskKey& key, const char* verb = "") {
    return call({method, task_path(key) + verb}, codec::parse_task);
  }

  Result<ManyResult> many(const ManyQuery& query, const char* verb) {
    auto body = codec::to_json(query);
    if (!body) return fail(std::move(body.error()));
    return call({"POST", tasks_path(query.filter.ns) + verb, std::move(*body)},
                codec::parse_many_result);
  }

  const RestClientOptions client_options_;
  RestClient client_;
};

}  // namespace

Result<std::unique_ptr<HooksApi>> open_remote_hooks(RestClientOptions options) {
  std::string& server = options.base;
  if (!server.starts_with("http://") && !server.starts_with("https://")) {
    return fail(ErrorCode::kInvalidArgument,
                "the server \"" + server + "\" is no http or https URL; write it like http://" +
                    (server.empty() ? "127.0.0.1:8090" : server),
                "server");
  }
  while (server.ends_with('/')) server.pop_back();
  if (server.starts_with("https://") && !options.ca_file.empty()) {
    if (auto ok = check_ca_file(options.ca_file); !ok) return fail(std::move(ok.error()));
  }
  return std::make_unique<RemoteHooks>(std::move(options));
}

}  // namespace rhooks::cli
