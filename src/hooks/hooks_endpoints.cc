#include <rhooks/hooks.h>

#include "codec/public_json.h"
#include "delivery/request_builder.h"
#include "hooks/hooks_impl.h"
#include "model/endpoint.h"
#include "model/new_task.h"
#include "model/redaction.h"
#include "model/refusal.h"
#include "model/secret.h"
#include "model/transitions.h"

// Endpoints: documents of the store, whose data is their JSON.
namespace rhooks {
namespace {

// How soon a test notices a stop().
constexpr std::chrono::milliseconds kTestPoll{250};

// None: there is none, or one that cannot be read.
std::optional<Endpoint> readable(const Looked& found) {
  if (!found.document) return std::nullopt;
  auto endpoint = codec::parse_stored_endpoint(found.document->data);
  if (!endpoint) return std::nullopt;
  return std::move(*endpoint);
}

// What is to be stored in the place of `before`.
std::string stored_in_place_of(const std::optional<Endpoint>& before, Endpoint endpoint,
                               TimePoint now) {
  endpoint.created_at = before ? before->created_at : now;
  endpoint.paused = before && before->paused;
  endpoint.held.reset();
  return codec::to_stored_json(endpoint);
}

Error too_many_endpoints() {
  return {
      ErrorCode::kConflict,
      "there are " + std::to_string(model::kEndpointsMax) + " endpoints already; delete some first",
      {}};
}

// What only a secret lacks is no damage.
Error without_secret(Error why) {
  if (why.code == ErrorCode::kCorrupt || why.code == ErrorCode::kNotFound) {
    why.code = ErrorCode::kConflict;
  }
  return why;
}

// Errors: kNotFound (there is none of that name) and kInvalidArgument (it is of another type), the
// field being that of the endpoint; those of the store.
Result<void> check_secret(store::Store& store, const Endpoint& endpoint, const char* field,
                          const std::string& name, bool signs) {
  if (name.empty()) return {};
  const auto found = store.get_document(secrets::secret_key(endpoint.ns, name));
  if (!found && found.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound,
                std::string(field) + ": " + found.error().message + "; put it first", field);
  }
  if (!found) return fail(found.error());
  const auto secret = secrets::secret_of(*found);
  if (!secret) return fail(secret.error());
  if (model::signs(secret->type) == signs) return {};
  return model::invalid(field,
                        "secret '" + name + "' is of type " + to_string(secret->type) +
                            (signs ? "; hmac and ed25519 sign" : "; it takes token or basic"));
}

Result<void> check_secrets(store::Store& store, const Endpoint& endpoint) {
  if (auto signing = check_secret(store, endpoint, "signing", endpoint.signing, true); !signing) {
    return signing;
  }
  return check_secret(store, endpoint, "auth", endpoint.auth, false);
}

// One look at each task: of one that went from one status to another between two looks, for each
// status, neither may see it. Errors: kConflict; those of the store.
Result<void> check_unused(store::Store& store, const store::DocumentKey& endpoint, TimePoint now) {
  store::TaskQuery query;
  query.ns = endpoint.ns;
  query.endpoint = endpoint.name;
  query.not_ended = true;
  query.now = now;
  do {
    const auto page = store.query_tasks(query);
    if (!page) return fail(page.error());
    if (!page->items.empty()) {
      return fail(ErrorCode::kConflict, "endpoint '" + endpoint.name + "' is in use: task '" +
                                            page->items.front().key.id +
                                            "' names it; delete or cancel its tasks, or force it, "
                                            "and they are FAILED when they are due");
    }
    query.after = page->next;
  } while (query.after);
  return {};
}

}  // namespace

DocumentWriter Hooks::Impl::endpoint_writer() {
  return {store(), *parts.clock, [this](const store::DocumentKey& key) {
            auto known = endpoints().changed(key.ns, key.name);
            runner.endpoints_changed();
            return known;
          }};
}

Result<EndpointPut> Hooks::put_endpoint(Endpoint endpoint, const std::string& if_revision) {
  if (auto valid = model::validate(endpoint); !valid) return fail(std::move(valid.error()));
  const auto only = read_replaces(if_revision);
  if (!only) return fail(only.error());
  if (auto there = check_secrets(impl_->store(), endpoint); !there) {
    return fail(std::move(there.error()));
  }
  const auto edit = [&](const Looked& found, TimePoint now) -> Result<std::optional<std::string>> {
    const auto before = readable(found);
    // What was allowed when it was put does not stand in the way of other changes.
    if (!before || before->url != endpoint.url) {
      if (auto may = impl_->check_egress(endpoint.url, "url"); !may) {
        return fail(std::move(may.error()));
      }
    }
    Endpoint restored = endpoint;
    auto real = before ? impl_->redaction().restore(restored, *before, now)
                       : model::refuse_redacted(restored.headers);
    if (!real) return fail(std::move(real.error()));
    std::string data = stored_in_place_of(before, std::move(restored), now);
    if (data.size() > model::kEndpointBytesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  "the endpoint " +
                      model::past_limit(data.size(), model::kEndpointBytesMax, "bytes as JSON"));
    }
    if (!found.is_there() && impl_->endpoints().count(now) >= model::kEndpointsMax) {
      return fail(too_many_endpoints());
    }
    return data;
  };
  auto written =
      impl_->endpoint_writer().write(store::endpoint_key(endpoint.ns, endpoint.name), *only, edit);
  if (!written) return fail(std::move(written.error()));
  auto stored = store::endpoint_of(written->document);
  if (!stored) return fail(std::move(stored.error()));
  return EndpointPut{impl_->redacted(std::move(*stored)), written->created};
}

Result<Endpoint> Hooks::Impl::stored_endpoint(const std::string& ns, const std::string& name) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  const auto found = store().get_document(store::endpoint_key(ns, name));
  if (!found) return fail(found.error());
  return store::endpoint_of(*found);
}

Result<Endpoint> Hooks::endpoint(const std::string& ns, const std::string& name) {
  auto endpoint = impl_->stored_endpoint(ns, name);
  if (!endpoint) return endpoint;
  return impl_->shown(std::move(*endpoint));
}

Endpoint Hooks::Impl::shown(Endpoint endpoint) {
  if (!endpoint.paused) endpoint.held = runner.held(endpoint);
  return redacted(std::move(endpoint));
}

Endpoint Hooks::Impl::redacted(Endpoint endpoint) {
  redaction().redact(endpoint.headers, now());
  return endpoint;
}

Result<Endpoint> Hooks::remove_endpoint(const std::string& ns, const std::string& name,
                                        const std::string& if_revision, bool force) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  const auto only = read_revision(if_revision);
  if (!only) return fail(only.error());
  const store::DocumentKey key = store::endpoint_key(ns, name);
  const auto check = [&]() -> Result<void> {
    if (force) return {};
    return check_unused(impl_->store(), key, impl_->now());
  };
  const auto removed = impl_->endpoint_writer().remove(key, *only, check);
  if (!removed) return fail(removed.error());
  if (*removed) {
    if (auto endpoint = store::endpoint_of(**removed)) return impl_->redacted(std::move(*endpoint));
  }
  Endpoint damaged;  // of one that cannot be read its name
  damaged.ns = ns;
  damaged.name = name;
  return damaged;
}

Result<Endpoint> Hooks::Impl::set_paused(const std::string& ns, const std::string& name,
                                         bool paused) {
  if (auto valid = validate_names(ns, name); !valid) return fail(std::move(valid.error()));
  const store::DocumentKey key = store::endpoint_key(ns, name);
  const auto edit = [&](const Looked& found, TimePoint) -> Result<std::optional<std::string>> {
    if (found.damaged) return fail(store::damaged_document(key));
    if (!found.document) return fail(store::no_document(key));
    auto endpoint = store::endpoint_of(*found.document);
    if (!endpoint) return fail(std::move(endpoint.error()));
    if (endpoint->paused == paused) return std::nullopt;
    endpoint->paused = paused;
    return codec::to_stored_json(*endpoint);
  };
  const auto written = endpoint_writer().write(key, store::Whatever{}, edit);
  if (!written) return fail(written.error());
  auto endpoint = store::endpoint_of(written->document);
  if (!endpoint) return endpoint;
  return redacted(std::move(*endpoint));
}

Result<Endpoint> Hooks::pause_endpoint(const std::string& ns, const std::string& name) {
  return impl_->set_paused(ns, name, true);
}

Result<Endpoint> Hooks::resume_endpoint(const std::string& ns, const std::string& name) {
  return impl_->set_paused(ns, name, false);
}

Result<model::AttemptOutcome> Hooks::Impl::attempt_once(delivery::HttpRequest request) {
  const int stops_before = stops;
  auto sender = parts.make_sender();
  if (!sender) return fail(std::move(sender.error()));
  (*sender)->start(std::move(request));
  while (stops == stops_before) {
    auto ended = (*sender)->poll(kTestPoll);
    if (ended.empty()) continue;
    if (const auto& refused = ended.front().refused) {
      parts.metrics->egress_refused(Metrics::Egress::kAttempt, refused->why);
    }
    return std::move(ended.front().outcome);
  }
  return fail(ErrorCode::kUnknownOutcome,
              "the scheduler was stopped during the test; its request may have arrived");
}

Result<Log> Hooks::test_endpoint(const std::string& ns, const std::string& name, Request request) {
  const auto found = impl_->stored_endpoint(ns, name);
  if (!found) return fail(found.error());
  NewTask asked;
  asked.ns = ns;
  asked.endpoint = name;
  asked.request = std::move(request);
  if (auto valid = Impl::normalize(asked); !valid) return fail(std::move(valid.error()));

  const TimePoint now = impl_->now();
  const Uuid id = impl_->uuids.v7(now);
  // With an id that no other has, so that its webhook-id is that of no other request.
  Task task = model::make_record(std::move(asked), now, id).task;
  const auto credentials = impl_->parts.secrets->credentials_of(*found, now);
  if (!credentials) return fail(without_secret(credentials.error()));
  auto built = delivery::build_request(task, now, &*found, *credentials);
  if (!built) return fail(std::move(built.error()));
  auto outcome = impl_->attempt_once(std::move(*built));
  if (!outcome) return fail(outcome.error());
  impl_->redaction().redact(*outcome, impl_->now());
  task.key.id = "test";
  return model::make_log(task, *outcome, outcome->ended_at(), id, std::chrono::seconds{0},
                         {.retry_limit = 0});
}

}  // namespace rhooks
