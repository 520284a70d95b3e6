#include "rest/api.h"

#include <algorithm>
#include <array>
#include <new>

#include "base/ascii.h"
#include "base/check.h"
#include "base/duration.h"
#include "codec/public_json.h"
#include "observe/logging.h"
#include "rest/access.h"
#include "rest/openapi.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

// Metrics keep one series a label value, so what clients make up must not become one.
std::string_view known_method(std::string_view method) {
  static constexpr std::array<std::string_view, 7> kKnown = {"GET",    "POST", "PUT",    "PATCH",
                                                             "DELETE", "HEAD", "OPTIONS"};
  const auto found = std::find(kKnown.begin(), kKnown.end(), method);
  return found == kKnown.end() ? "other" : *found;
}

bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  constexpr std::string_view kSuffix = "+json";
  return equal_in_any_case(type, "application/json") ||
         (type.size() > kSuffix.size() &&
          equal_in_any_case(type.substr(type.size() - kSuffix.size()), kSuffix));
}

// Clients that cannot send nothing send {}.
bool is_empty_body(std::string_view body) {
  const std::string_view text = trim(body);
  return text.empty() || (text.size() >= 2 && text.front() == '{' && text.back() == '}' &&
                          trim(text.substr(1, text.size() - 2)).empty());
}

std::optional<HttpResponse> check_query(const HttpRequest& request, const Route& route) {
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : request.query) {
    // Named anew: clang 14 lets no lambda take a structured binding.
    const bool known = std::any_of(
        route.parameters.begin(), route.parameters.end(),
        [&sent = name](const ParameterDoc& p) { return p.in == "query" && p.name == sent; });
    if (!known) {
      std::string names;
      for (const ParameterDoc& p : route.parameters) {
        if (p.in == "query") names += (names.empty() ? "" : ", ") + p.name;
      }
      return problem(400, ErrorCode::kInvalidArgument,
                     "there is no such query parameter here; " +
                         (names.empty() ? std::string("none is taken") : "known are " + names),
                     name);
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return problem(400, ErrorCode::kInvalidArgument, "the query parameter is given twice", name);
    }
    seen.push_back(name);
  }
  return std::nullopt;
}

}  // namespace

Api::Api(Hooks& hooks, ApiOptions options)
    : options_(std::move(options)),
      readiness_(hooks, options_.ready_for),
      access_(hooks, options_.api_key, options_.key_needed),
      refused_keys_("calls without an API key, or with a wrong one, were refused"),
      forbidden_calls_("calls that their API keys do not allow were refused") {
  if (options_.scheduler) {
    add_task_routes(router_, hooks);
    add_bulk_routes(router_, hooks);
    add_endpoint_routes(router_, hooks);
    add_secret_routes(router_, hooks);
    add_api_key_routes(router_, hooks);
    add_redrive_routes(router_, hooks);
    add_preview_routes(router_, hooks);
    add_backfill_routes(router_, hooks);
    add_log_routes(router_, hooks);
    add_trigger_routes(router_, hooks);
    add_store_route(router_, hooks);
  }
  if (options_.metrics) add_metrics_route(router_, hooks);
  add_system_routes(router_, {.openapi = openapi_,
                              .readiness = readiness_,
                              .may_call = [this](const HttpRequest& request) {
                                const auto caller = access_.caller_of(request);
                                return caller && caller->reaches_all();
                              }});
  openapi_ = openapi_document(router_);
}

std::optional<HttpResponse> Api::refusal(const HttpRequest& head, const Route* route,
                                         const AccessControl::Answer& caller) const {
  if (!caller) {
    if (caller.error().status == 401) refused_keys_.note(head);
    return caller.error();
  }
  if (!route) return std::nullopt;
  auto refused = rest::refusal(*caller, *route, head);
  if (refused && refused->status == 403) forbidden_calls_.note(head);
  return refused;
}

std::optional<HttpResponse> Api::refuse_early(const HttpRequest& head, const Caller& caller) const {
  if (!caller.key()) return std::nullopt;
  const auto wait = rates_.too_early(*caller.key(), head.received_at);
  if (!wait) return std::nullopt;
  HttpResponse response =
      problem(429, ErrorCode::kOverloaded,
              "the API key " + caller.key()->id + " allows " + format_rate(*caller.key()->rate) +
                  " calls; Retry-After says when there may be one more");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait);
  response.headers.push_back({"Retry-After", std::to_string(seconds.count())});
  return response;
}

std::optional<HttpResponse> Api::refusal(const HttpRequest& head,
                                         const Router::Match& match) const {
  if (!match.route) {
    if (!match.path_known) {
      if (head.method == "OPTIONS" && head.path.empty()) {
        return HttpResponse{.status = 204, .content_type = {}, .headers = {}, .body = {}};
      }
      return problem(404, ErrorCode::kNotFound,
                     "there is nothing at this path; /openapi.json lists what there is");
    }
    std::string allow;
    for (const std::string& method : match.allowed) allow += (allow.empty() ? "" : ", ") + method;
    HttpResponse response =
        head.method == "OPTIONS"
            ? HttpResponse{.status = 204, .content_type = {}, .headers = {}, .body = {}}
            : problem(405, ErrorCode::kInvalidArgument, "at this path the methods are " + allow);
    response.headers.push_back({"Allow", allow});
    return response;
  }
  if (auto refused = check_query(head, *match.route)) return refused;
  if (match.route->body) {
    const std::string* type = head.header("Content-Type");
    if (type && !is_json(*type)) {
      return problem(415, ErrorCode::kInvalidArgument,
                     "the body must be JSON: send Content-Type: application/json", "Content-Type");
    }
  }
  if (const std::string* encoding = head.header("Content-Encoding");
      encoding && !equal_in_any_case(*encoding, "identity")) {
    return problem(415, ErrorCode::kInvalidArgument, "the body must not be compressed",
                   "Content-Encoding");
  }
  return std::nullopt;
}

Admission Api::admit(const HttpRequest& head) const {
  Admission admission;
  const Router::Match match = router_.match(head);
  const bool is_public = match.route && match.route->access->is_public();
  // None: handle() looks who it is.
  std::optional<AccessControl::Answer> caller;
  if (!is_public) caller = access_.known_caller_of(head);
  if (caller) admission.response = refusal(head, match.route, *caller);
  if (!admission.response && caller) admission.response = refuse_early(head, **caller);
  if (!admission.response) admission.response = refusal(head, match);
  if (!admission.response && match.route->immediate) {
    admission.response = match.route->handler(head, PathParameters(*match.route, head));
  }
  if (admission.response) {
    report(head, match.route, admission.response->status);
  } else {
    admission.body_bytes_max =
        match.route->body ? match.route->body->bytes_max : kSmallBodyBytesMax;
    const bool later =
        options_.register_later && match.route->later != nullptr && (is_public || caller);
    admission.work = later ? Work::kLater : match.route->work;
    admission.route = match.route;
  }
  return admission;
}

// What a caller may do is looked at anew: it may have waited, and its key be revoked meanwhile.
HttpResponse Api::answer_to(const HttpRequest& request, const Route& route) const {
  AccessControl::Answer caller = Caller::anyone();
  if (!route.access->is_public()) {
    caller = access_.caller_of(request);
    if (auto refused = refusal(request, &route, caller)) return std::move(*refused);
  }
  if (!route.body && !is_empty_body(request.body)) {
    return problem(400, ErrorCode::kInvalidArgument, "this call takes no body");
  }
  if (route.for_caller) return route.for_caller(request, *caller);
  return route.handler(request, PathParameters(route, request));
}

HttpResponse Api::handle(const HttpRequest& request) const {
  const Route* const route = request.route;
  RHOOKS_CHECK(route);
  HttpResponse response;
  try {
    response = answer_to(request, *route);
  } catch (const std::bad_alloc&) {
    report(request, route, 503);
    throw;  // the server answers and logs
  } catch (...) {
    report(request, route, 500);
    throw;
  }
  report(request, route, response.status);
  return response;
}

void Api::handle_later(const HttpRequest& request, Respond respond) const {
  const Route* const route = request.route;
  RHOOKS_CHECK(route && route->later);
  // The request is there until it is answered, and what is reported of it is needed longer.
  HttpRequest head;
  head.method = request.method;
  head.received_at = request.received_at;
  try {
    route->later(request, PathParameters(*route, request),
                 [this, head, route, respond = std::move(respond)](HttpResponse response) {
                   report(head, route, response.status);
                   respond(std::move(response));
                 });
  } catch (const std::bad_alloc&) {
    report(head, route, 503);
    throw;  // the server answers and logs
  } catch (...) {
    report(head, route, 500);
    throw;
  }
}

void Api::report(const HttpRequest& request, const Route* route, int status) const {
  if (!options_.on_request) return;
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - request.received_at);
  options_.on_request(route ? std::string_view(route->pattern) : "(none)",
                      known_method(request.method), status, duration);
}

void Api::connect(HttpServerOptions& options) const {
  options.body_bytes_max = kBatchBodyBytesMax;
  options.admit = [this](const HttpRequest& head) { return admit(head); };
  options.handle_later = [this](const HttpRequest& request, Respond respond) {
    handle_later(request, std::move(respond));
  };
  options.on_refusal = [this](int status) {
    if (options_.on_request) {
      options_.on_request("(refused)", "other", status, std::chrono::microseconds(0));
    }
  };
}

HttpHandler Api::handler() const {
  return [this](const HttpRequest& request) { return handle(request); };
}

}  // namespace rhooks::rest
