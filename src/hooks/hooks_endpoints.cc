#include <rhooks/hooks.h>

#include "codec/public_json.h"
#include "delivery/request_builder.h"
#include "hooks/hooks_impl.h"
#include "hooks/looked.h"
#include "model/endpoint.h"
#include "model/new_task.h"
#include "model/refusal.h"
#include "model/transitions.h"

// Endpoints: documents of the store, whose data is their JSON.
namespace rhooks {
namespace {

// More changes in between than these are no chance.
constexpr int kEndpointTriesMax = 5;

// How soon a test notices a stop().
constexpr std::chrono::milliseconds kTestPoll{250};

Result<void> validate_endpoint_key(const std::string& ns, const std::string& name) {
  if (auto valid = model::validate_namespace(ns); !valid) return valid;
  return model::validate_endpoint_name(name);
}

// None: any.
Result<std::optional<store::Revision>> read_revision(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (const auto revision = parse_uuid(text)) return revision;
  return model::invalid("revision",
                        "must be the `revision` of an endpoint, not " + model::quoted(text));
}

// What is to be stored in the place of `found`. Of one that cannot be read nothing is kept.
store::Document document_of(Endpoint& endpoint, const std::optional<store::StoredDocument>& found,
                            TimePoint now) {
  endpoint.created_at = now;
  endpoint.paused = false;
  endpoint.held.reset();
  if (found) {
    if (const auto before = codec::parse_stored_endpoint(found->data)) {
      endpoint.created_at = before->created_at;
      endpoint.paused = before->paused;
    }
  }
  return {store::endpoint_key(endpoint.ns, endpoint.name), codec::to_stored_json(endpoint),
          found ? found->newer_fields : std::string()};
}

// Of one that cannot be read its name.
Endpoint shown_or_named(const store::DocumentKey& key,
                        const std::optional<store::StoredDocument>& document) {
  if (document) {
    if (auto endpoint = store::endpoint_of(*document)) return std::move(*endpoint);
  }
  Endpoint endpoint;
  endpoint.ns = key.ns;
  endpoint.name = key.name;
  return endpoint;
}

Error changed_all_the_time(const store::DocumentKey& key) {
  return {ErrorCode::kUnavailable,
          "endpoint '" + key.name + "' in namespace '" + key.ns +
              "' is being changed all the time; try again",
          {}};
}

Error there_already(const store::DocumentKey& key) {
  return {ErrorCode::kConflict,
          "there is an endpoint '" + key.name + "' in namespace '" + key.ns +
              "' already; to replace it, name its revision, or none",
          "revision"};
}

Error too_many_endpoints() {
  return {
      ErrorCode::kConflict,
      "there are " + std::to_string(model::kEndpointsMax) + " endpoints already; delete some first",
      {}};
}

// One look at each task: of one that went from one status to another between two looks, for each
// status, neither may see it. Errors: kConflict; those of the store.
Result<void> check_unused(store::Store& store, const Endpoint& endpoint, TimePoint now) {
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

bool is_overtaken(const Error& error) {
  return error.code == ErrorCode::kConflict || error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<void> Hooks::Impl::endpoint_changed(const store::DocumentKey& key) {
  const auto known = endpoints().changed(key.ns, key.name);
  runner.endpoints_changed();
  if (known) return {};
  return fail(ErrorCode::kUnknownOutcome, "endpoint '" + key.name + "' in namespace '" + key.ns +
                                              "' was changed, and cannot be read since (" +
                                              known.error().message + "); try again");
}

Result<store::Revision> Hooks::Impl::write_endpoint(const store::Document& document,
                                                    const store::Replaces& replaces, TimePoint at) {
  auto put = store().put_document(document, replaces, at);
  if (auto known = endpoint_changed(document.key); put && !known) {
    return fail(std::move(known.error()));
  }
  return put;
}

Result<void> Hooks::Impl::erase_endpoint(const store::DocumentKey& key,
                                         const std::optional<store::Revision>& revision) {
  auto removed = store().remove_document(key, revision);
  auto known = endpoint_changed(key);
  return removed ? known : removed;
}

Result<EndpointPut> Hooks::put_endpoint(Endpoint endpoint, const std::string& if_revision) {
  if (auto valid = model::validate(endpoint); !valid) return fail(std::move(valid.error()));
  if (auto may = impl_->check_egress(endpoint.url, "url"); !may)
    return fail(std::move(may.error()));
  const bool only_new = if_revision == kIfNone;
  const auto wanted = read_revision(only_new ? std::string() : if_revision);
  if (!wanted) return fail(wanted.error());
  const store::DocumentKey key = store::endpoint_key(endpoint.ns, endpoint.name);
  store::Document document;
  store::Replaces replaces;
  std::optional<Error> unsure;  // of a try that may have been carried out
  const auto give_up = [&](const Error& error) { return fail(unsure.value_or(error)); };
  // That of such a try.
  const auto is_ours = [&](const store::StoredDocument& found) {
    const auto* const before = std::get_if<store::Revision>(&replaces);
    return found.data == document.data && !(before && *before == found.revision);
  };
  for (int tries = 0; tries < kEndpointTriesMax; ++tries) {
    const auto found = look(impl_->store(), key);
    if (!found) return give_up(found.error());
    const bool created = std::holds_alternative<store::Nothing>(replaces);
    if (unsure && found->document && is_ours(*found->document)) {
      if (!impl_->endpoint_changed(key)) continue;
      auto stored = store::endpoint_of(*found->document);
      if (!stored) return fail(std::move(stored.error()));
      return EndpointPut{std::move(*stored), created};
    }
    if (only_new && (found->document || found->damaged)) return give_up(there_already(key));
    const TimePoint now = impl_->now();
    document = document_of(endpoint, found->document, now);
    if (document.data.size() > model::kEndpointBytesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  "the endpoint " + model::past_limit(document.data.size(),
                                                      model::kEndpointBytesMax, "bytes as JSON"));
    }
    replaces = *wanted ? store::Replaces(**wanted) : found->replaces();
    const bool makes = std::holds_alternative<store::Nothing>(replaces);
    if (makes && impl_->endpoints().count(now) >= model::kEndpointsMax) {
      return give_up(too_many_endpoints());
    }
    auto put = impl_->write_endpoint(document, replaces, now);
    if (put) {
      endpoint.revision = to_string(*put);
      endpoint.updated_at = now;
      return EndpointPut{std::move(endpoint), makes};
    }
    if (put.error().code == ErrorCode::kUnknownOutcome) {
      unsure = std::move(put.error());
    } else if (!is_overtaken(put.error()) || (*wanted && !unsure)) {
      return give_up(put.error());
    }
  }
  return give_up(changed_all_the_time(key));
}

Result<Endpoint> Hooks::endpoint(const std::string& ns, const std::string& name) {
  if (auto valid = validate_endpoint_key(ns, name); !valid) return fail(std::move(valid.error()));
  const auto found = impl_->store().get_document(store::endpoint_key(ns, name));
  if (!found) return fail(found.error());
  auto endpoint = store::endpoint_of(*found);
  if (endpoint) impl_->add_held(*endpoint);
  return endpoint;
}

void Hooks::Impl::add_held(Endpoint& endpoint) {
  if (!endpoint.paused) endpoint.held = runner.held(endpoint);
}

Result<Endpoint> Hooks::remove_endpoint(const std::string& ns, const std::string& name,
                                        const std::string& if_revision, bool force) {
  if (auto valid = validate_endpoint_key(ns, name); !valid) return fail(std::move(valid.error()));
  const auto wanted = read_revision(if_revision);
  if (!wanted) return fail(wanted.error());
  const store::DocumentKey key = store::endpoint_key(ns, name);
  Endpoint endpoint;
  std::optional<Error> unsure;  // of a try that may have been carried out
  for (int tries = 0; tries < kEndpointTriesMax; ++tries) {
    const auto found = look(impl_->store(), key);
    if (!found) return fail(unsure.value_or(found.error()));
    if (!found->document && !found->damaged) {
      if (!unsure) return fail(store::no_document(key));
      if (!impl_->endpoint_changed(key)) continue;
      return endpoint;
    }
    endpoint = shown_or_named(key, found->document);
    if (!force) {
      if (auto free = check_unused(impl_->store(), endpoint, impl_->now()); !free) {
        return fail(unsure.value_or(free.error()));
      }
    }
    std::optional<store::Revision> revision = *wanted;
    if (!revision && found->document) revision = found->document->revision;
    auto erased = impl_->erase_endpoint(key, revision);
    if (erased) return endpoint;
    if (erased.error().code == ErrorCode::kUnknownOutcome) {
      unsure = std::move(erased.error());
    } else if (!is_overtaken(erased.error()) || *wanted) {
      return fail(unsure.value_or(erased.error()));
    }
  }
  return fail(unsure.value_or(changed_all_the_time(key)));
}

Result<Endpoint> Hooks::Impl::set_paused(const std::string& ns, const std::string& name,
                                         bool paused) {
  if (auto valid = validate_endpoint_key(ns, name); !valid) return fail(std::move(valid.error()));
  const store::DocumentKey key = store::endpoint_key(ns, name);
  std::optional<Error> unsure;  // of a try that may have been carried out
  for (int tries = 0; tries < kEndpointTriesMax; ++tries) {
    const auto found = store().get_document(key);
    if (!found) return fail(unsure.value_or(found.error()));
    auto endpoint = store::endpoint_of(*found);
    if (!endpoint) return endpoint;
    if (endpoint->paused == paused) {
      // By another process, perhaps, and just now.
      if (auto known = endpoint_changed(key); !known) return fail(std::move(known.error()));
      return endpoint;
    }
    endpoint->paused = paused;
    const TimePoint at = now();
    auto put = write_endpoint({key, codec::to_stored_json(*endpoint), found->newer_fields},
                              found->revision, at);
    if (put) {
      endpoint->revision = to_string(*put);
      endpoint->updated_at = at;
      return endpoint;
    }
    if (put.error().code == ErrorCode::kUnknownOutcome) {
      unsure = std::move(put.error());
    } else if (!is_overtaken(put.error())) {
      return fail(unsure.value_or(put.error()));
    }
  }
  return fail(unsure.value_or(changed_all_the_time(key)));
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
  const auto found = endpoint(ns, name);
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
  auto built = delivery::build_request(task, now, &*found);
  if (!built) return fail(std::move(built.error()));
  const auto outcome = impl_->attempt_once(std::move(*built));
  if (!outcome) return fail(outcome.error());
  task.key.id = "test";
  return model::make_log(task, *outcome, outcome->ended_at(), id, std::chrono::seconds{0},
                         {.retry_limit = 0});
}

}  // namespace rhooks
