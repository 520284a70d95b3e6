// Routes of endpoints.

#include "hooks/change_endpoint.h"
#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr const char* kEndpointPattern = "/v1/namespaces/{ns}/endpoints/{name}";

HttpResponse put_endpoint(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "an endpoint");
  if (!revision) return error_response(revision.error());
  auto endpoint = codec::parse_new_endpoint(request.body, path.get("ns"), path.get("name"));
  if (!endpoint) return error_response(endpoint.error());
  auto put = hooks.put_endpoint(std::move(*endpoint), *revision);
  if (!put) return refused(request, put.error());
  return document_response(put->endpoint, put->created ? 201 : 200);
}

HttpResponse patch_endpoint(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "an endpoint");
  if (!revision) return error_response(revision.error());
  return document_response(
      request,
      change_endpoint(hooks, path.get("ns"), path.get("name"), *revision, [&](Endpoint endpoint) {
        return codec::parse_endpoint_changes(request.body, std::move(endpoint));
      }));
}

HttpResponse delete_endpoint(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "an endpoint");
  if (!revision) return error_response(revision.error());
  QueryReader in(request);
  const bool force = in.flag("force");
  if (in.error()) return error_response(*in.error());
  return document_response(
      request, hooks.remove_endpoint(path.get("ns"), path.get("name"), *revision, force));
}

HttpResponse fetch_endpoints(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  QueryReader in(request);
  EndpointsQuery query;
  query.ns = path.get("ns");
  query.prefix = in.text("prefix");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.endpoints(query));
}

HttpResponse test_endpoint(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  auto asked = codec::parse_test_request(request.body);
  if (!asked) return error_response(asked.error());
  return answer(hooks.test_endpoint(path.get("ns"), path.get("name"), std::move(*asked)));
}

Route put_route(Hooks& hooks) {
  return {
      .method = "PUT",
      .pattern = kEndpointPattern,
      .operation_id = "putEndpoint",
      .tag = "endpoints",
      .summary = "Make or replace an endpoint",
      .description =
          "What is not given is as if it had never been: PATCH keeps it. The answer has "
          "its revision as ETag. A conflict (409): there are too many endpoints.",
      .parameters = {if_match_parameter(), if_none_match_parameter()},
      .body = BodyDoc{"NewEndpoint",
                      R"({"url": "https://hooks.acme.example/in", "headers": {"X-Shop": "7"},
                          "timeout": "15s", "retryLimit": 10, "description": "the warehouse"})",
                      true, kSmallBodyBytesMax},
      .responses = {{201, "It was made.", "Endpoint"},
                    {200, "It was replaced.", "Endpoint"},
                    {404, "There is no secret that it names."},
                    {412,
                     "It has another revision than If-Match, or is not there; or it is there, with "
                     "If-None-Match."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = handler_of(hooks, put_endpoint),
  };
}

Route patch_route(Hooks& hooks) {
  return {
      .method = "PATCH",
      .pattern = kEndpointPattern,
      .operation_id = "patchEndpoint",
      .tag = "endpoints",
      .summary = "Change some of an endpoint",
      .description =
          "By a JSON Merge Patch (RFC 7396): null takes a field or a header back, and what is left "
          "out stays. Content-Type may be application/json or application/merge-patch+json. A "
          "conflict "
          "(409): it is being changed all the time.",
      .parameters = {if_match_parameter()},
      .body = BodyDoc{"EndpointChanges", R"({"timeout": "30s", "headers": {"X-Shop": null}})", true,
                      kSmallBodyBytesMax},
      .responses = {{200, "The endpoint as it is now.", "Endpoint"},
                    {404, "No such endpoint."},
                    {412, "It has another revision than If-Match."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = handler_of(hooks, patch_endpoint),
  };
}

Route get_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = kEndpointPattern,
      .operation_id = "getEndpoint",
      .tag = "endpoints",
      .summary = "Get an endpoint",
      .description = "With its revision as ETag.",
      .parameters = {},
      .body = {},
      .responses = {{200, "The endpoint.", "Endpoint"}, {404, "No such endpoint."}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .handler =
          [&hooks](const HttpRequest& request, const PathParameters& path) {
            return document_response(request, hooks.endpoint(path.get("ns"), path.get("name")));
          },
  };
}

Route delete_route(Hooks& hooks) {
  return {
      .method = "DELETE",
      .pattern = kEndpointPattern,
      .operation_id = "deleteEndpoint",
      .tag = "endpoints",
      .summary = "Delete an endpoint",
      .description = "",
      .parameters = {if_match_parameter(),
                     {"force", "Also where tasks name it: they are FAILED when they are due.",
                      R"({"type":"boolean","default":false})"}},
      .body = {},
      .responses = {{200, "The endpoint as it was.", "Endpoint"},
                    {404, "No such endpoint."},
                    {409, "A task names it that is not DONE or FAILED."},
                    {412, "It has another revision than If-Match."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .work = Work::kMany,  // it looks at the tasks of the namespace
      .handler = handler_of(hooks, delete_endpoint),
  };
}

using CallByName = Result<Endpoint> (Hooks::*)(const std::string& ns, const std::string& name);

Route pause_route(Hooks& hooks, const char* verb, const char* operation, const char* summary,
                  const char* description, CallByName call) {
  return {
      .method = "POST",
      .pattern = kEndpointPattern + std::string("/") + verb,
      .operation_id = operation,
      .tag = "endpoints",
      .summary = summary,
      .description = description,
      .parameters = {},
      .body = {},
      .responses = {{200, "The endpoint, also where it was so already.", "Endpoint"},
                    {404, "No such endpoint."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler =
          [&hooks, call](const HttpRequest& request, const PathParameters& path) {
            return document_response(request, (hooks.*call)(path.get("ns"), path.get("name")));
          },
  };
}

Route test_route(Hooks& hooks) {
  return {
      .method = "POST",
      .pattern = kEndpointPattern + std::string("/test"),
      .operation_id = "testEndpoint",
      .tag = "endpoints",
      .summary = "Make one request to an endpoint",
      .description =
          "At once, also while it is paused, and as it would be made for a task. Nothing is stored "
          "or counted. Answers when the request was answered, or its time limit is over.",
      .parameters = {},
      .body = BodyDoc{"TestRequest", R"({"url": "/ping", "body": {"test": true}})", false,
                      kTaskBodyBytesMax},
      .responses = {{200, "What the attempt came to; its status is FAIL where it failed.", "Log"},
                    {404, "No such endpoint."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = few_at_once("tests", handler_of(hooks, test_endpoint)),
  };
}

Route list_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/endpoints",
      .operation_id = "fetchEndpoints",
      .tag = "endpoints",
      .summary = "Fetch a page of endpoints",
      .description = "Ordered by name.",
      .parameters = document_page_parameters("Endpoints whose names begin with this."),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.",
                     "EndpointPage"}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .work = Work::kMany,
      .handler = handler_of(hooks, fetch_endpoints),
  };
}

}  // namespace

void add_endpoint_routes(Router& router, Hooks& hooks) {
  router.add(put_route(hooks));
  router.add(patch_route(hooks));
  router.add(get_route(hooks));
  router.add(delete_route(hooks));
  router.add(pause_route(hooks, "pause", "pauseEndpoint", "Pause an endpoint",
                         "Its tasks wait until it is resumed. Attempts that are under way end.",
                         &Hooks::pause_endpoint));
  router.add(pause_route(hooks, "resume", "resumeEndpoint", "Resume an endpoint",
                         "What became due while it was paused is attempted now.",
                         &Hooks::resume_endpoint));
  router.add(test_route(hooks));
  router.add(list_route(hooks));
}

}  // namespace rhooks::rest
