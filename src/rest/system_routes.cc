// Routes for those who operate the server.

#include "rest/routes.h"

namespace rhooks::rest {

namespace {

HttpResponse ready(Readiness& readiness, bool says_why) {
  const auto usable = readiness.ask();
  if (usable) return json_response(200, R"({"status":"ready"})");
  // Whatever the reason: whoever routes requests looks at the status.
  HttpResponse response =
      says_why ? problem(503, usable.error().code, usable.error().message, usable.error().field)
               : problem(503, ErrorCode::kUnavailable,
                         "the store cannot be used now; those who may call the API are told why");
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

}  // namespace

void add_system_routes(Router& router, SystemRoutes parts) {
  router.add({
      .method = "GET",
      .pattern = "/healthz",
      .operation_id = "health",
      .tag = "system",
      .summary = "Whether the process is alive",
      .description = "Says nothing about the store: restart the process where this fails, and "
                     "look at /readyz to send it requests.",
      .parameters = {},
      .body = {},
      .responses = {{200, "It is alive.", "Health"}},
      .access = Access{Where::kPublic},
      .immediate = true,
      .handler = [](const HttpRequest&,
                    const PathParameters&) { return json_response(200, R"({"status":"ok"})"); },
  });
  router.add({
      .method = "GET",
      .pattern = "/readyz",
      .operation_id = "ready",
      .tag = "system",
      .summary = "Whether the store can be used",
      .description = "Asks the store once a second at most. The reason is for those who have the "
                     "API key.",
      .parameters = {},
      .body = {},
      .responses = {{200, "It can.", "Health"}, {503, "It cannot; the problem says why."}},
      .access = Access{Where::kPublic},
      .handler = [&readiness = parts.readiness, may_call = std::move(parts.may_call)](
                     const HttpRequest& request,
                     const PathParameters&) { return ready(readiness, may_call(request)); },
  });
  router.add({
      .method = "GET",
      .pattern = "/openapi.json",
      .operation_id = "openapi",
      .tag = "system",
      .summary = "This description, as OpenAPI 3.1",
      .description = "",
      .parameters = {},
      .body = {},
      .responses = {{200, "An OpenAPI 3.1 document.", "Document"}},
      .access = Access{Where::kAnywhere},
      .handler = [&openapi = parts.openapi](
                     const HttpRequest&,
                     const PathParameters&) { return json_response(200, openapi); },
  });
}

void add_metrics_route(Router& router, Hooks& hooks) {
  router.add({
      .method = "GET",
      .pattern = "/metrics",
      .operation_id = "metrics",
      .tag = "system",
      .summary = "Metrics for Prometheus",
      .description = "",
      .parameters = {},
      .body = {},
      .responses = {{200, "Prometheus text format 0.0.4.", "Text", "text/plain; version=0.0.4"}},
      .access = Access{Where::kInAllNamespaces, Role::kRead},
      .handler =
          [&hooks](const HttpRequest&, const PathParameters&) {
            HttpResponse response;
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            response.body = hooks.metrics();
            return response;
          },
  });
}

void add_store_route(Router& router, Hooks& hooks) {
  router.add({
      .method = "GET",
      .pattern = "/v1/store",
      .operation_id = "describeStore",
      .tag = "system",
      .summary = "What the store is made of and what state it is in",
      .description = "For people: the names in it differ between stores, and change.",
      .parameters = {},
      .body = {},
      .responses = {{200, "What the store tells of itself.", "Store"}},
      .access = Access{Where::kInAllNamespaces, Role::kRead},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest&,
                          const PathParameters&) { return answer(hooks.describe_store()); },
  });
}

}  // namespace rhooks::rest
