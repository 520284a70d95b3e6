// Routes of the redrive of a namespace.

#include "base/ascii.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr const char* kRedrivePattern = "/v1/namespaces/{ns}/redrive";

HttpResponse start_redrive(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  auto redrive = codec::parse_new_redrive(request.body, path.get("ns"));
  if (!redrive) return error_response(redrive.error());
  const auto started = hooks.start_redrive(std::move(*redrive));
  if (!started) return error_response(started.error());
  HttpResponse response = json_response(201, codec::to_json(*started));
  response.headers.push_back(
      {"Location", "/v1/namespaces/" + percent_encoded(started->ns) + "/redrive"});
  return response;
}

Route start_redrive_route(Hooks& hooks) {
  return {
      .method = "POST",
      .pattern = kRedrivePattern,
      .operation_id = "startRedrive",
      .tag = "redrive",
      .summary = "Run FAILED tasks again",
      .description = "Begins to, a few at a time. What fails again is not run again.",
      .parameters = {},
      .body =
          BodyDoc{"NewRedrive", R"({"endpoint": "acme", "reason": "exhausted", "rate": "50/1s"})",
                  false, kSmallBodyBytesMax},
      .responses = {{201, "It has begun.", "Redrive"},
                    {409, "Another one of the namespace is under way."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = [&hooks](
                     const HttpRequest& request,
                     const PathParameters& path) { return start_redrive(hooks, request, path); },
  };
}

using CallOnRedrive = Result<Redrive> (Hooks::*)(const std::string&);

Route redrive_route(Hooks& hooks, const char* method, const char* operation, const char* summary,
                    const char* description, CallOnRedrive call) {
  return {
      .method = method,
      .pattern = kRedrivePattern,
      .operation_id = operation,
      .tag = "redrive",
      .summary = summary,
      .description = description,
      .parameters = {},
      .body = {},
      .responses = {{200, "As far as it has come.", "Redrive"},
                    {404, "There has been none in the namespace."}},
      .access = Access{Where::kInNamespace,
                       std::string_view(method) == "GET" ? Role::kRead : Role::kAdmin},
      .handler = [&hooks, call](
                     const HttpRequest&,
                     const PathParameters& path) { return answer((hooks.*call)(path.get("ns"))); },
  };
}

}  // namespace

void add_redrive_routes(Router& router, Hooks& hooks) {
  router.add(start_redrive_route(hooks));
  router.add(redrive_route(hooks, "GET", "getRedrive", "Get the redrive of a namespace",
                           "The one that is under way, or the last one.", &Hooks::redrive));
  router.add(redrive_route(hooks, "DELETE", "cancelRedrive", "Cancel a redrive",
                           "The tasks of its last step may yet run again. One that has ended "
                           "stays as it is.",
                           &Hooks::cancel_redrive));
}

}  // namespace rhooks::rest
