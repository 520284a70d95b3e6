#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/public_json.h"
#include "rest/http_message.h"
#include "rest/readiness.h"
#include "rest/router.h"

// The routes of the API by meaning, and what their handlers share.
namespace rhooks::rest {

void add_task_routes(Router& router, Hooks& hooks);
void add_bulk_routes(Router& router, Hooks& hooks);
void add_endpoint_routes(Router& router, Hooks& hooks);
void add_secret_routes(Router& router, Hooks& hooks);
void add_api_key_routes(Router& router, Hooks& hooks);
void add_redrive_routes(Router& router, Hooks& hooks);
void add_log_routes(Router& router, Hooks& hooks);
void add_preview_routes(Router& router, Hooks& hooks);
void add_backfill_routes(Router& router, Hooks& hooks);
void add_trigger_routes(Router& router, Hooks& hooks);
struct SystemRoutes {
  const std::string& openapi;  // read at each request: it may be written after the routes are known
  Readiness& readiness;
  std::function<bool(const HttpRequest&)> may_call;  // whether it is of one who may call the API
};
void add_system_routes(Router& router, SystemRoutes parts);
void add_metrics_route(Router& router, Hooks& hooks);
void add_store_route(Router& router, Hooks& hooks);

// A JSON body's limit: a task with a body of 256 KiB, each byte of which may be escaped, and a
// thousand smaller ones.
inline constexpr std::size_t kTaskBodyBytesMax = 1024 * 1024;
inline constexpr std::size_t kBatchBodyBytesMax = 16 * 1024 * 1024;
inline constexpr std::size_t kSmallBodyBytesMax = 64 * 1024;

HttpResponse json_response(int status, std::string body);
HttpResponse error_response(const Error& error);

template <typename T>
HttpResponse answer(const Result<T>& result) {
  return result ? json_response(200, codec::to_json(*result)) : error_response(result.error());
}

// For calls that hold their thread until attempts have ended: a few of them at a time are enough,
// and leave threads for the other routes. One more is kOverloaded. `calls` is what they are:
// "triggers".
RouteHandler few_at_once(std::string calls, RouteHandler handler);

TaskKey key_of(const PathParameters& path);

// Of calls that write a document of that kind, "an endpoint": the revision that a change is for;
// empty: any. PUT may also be for none. Errors: kInvalidArgument.
Result<std::string> revision_in(const HttpRequest& request, const char* a_kind);
ParameterDoc if_match_parameter();
ParameterDoc if_none_match_parameter();
// What refuses such a call: with 412 where a precondition of the request does.
HttpResponse refused(const HttpRequest& request, const Error& error);
// What shows one: with its revision as ETag.
template <typename T>
HttpResponse document_response(const T& document, int status = 200) {
  HttpResponse response = json_response(status, codec::to_json(document));
  response.headers.push_back({"ETag", '"' + document.revision + '"'});
  return response;
}
template <typename T>
HttpResponse document_response(const HttpRequest& request, const Result<T>& document) {
  return document ? document_response(*document) : refused(request, document.error());
}
// The parameters of a page: limit and startKey.
std::vector<ParameterDoc> limit_parameters();
// The parameters of a page of them; `whose`: "Endpoints whose names begin with this."
std::vector<ParameterDoc> document_page_parameters(const char* whose);

// A handler of a function.
using CallOnHooks = HttpResponse (*)(Hooks&, const HttpRequest&, const PathParameters&);
RouteHandler handler_of(Hooks& hooks, CallOnHooks call);

// The parameters that fetching tasks and logs have in common.
std::vector<ParameterDoc> page_parameters();
ParameterDoc time_parameter(const char* name, const char* description);

}  // namespace rhooks::rest
