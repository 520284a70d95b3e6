// Routes that act on many tasks.

#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

HttpResponse register_many(Hooks& hooks, const HttpRequest& request, const Caller& caller) {
  auto parsed = codec::parse_new_tasks(request.body);
  if (!parsed) return error_response(parsed.error());
  for (auto& item : *parsed) {
    if (item && !caller.reaches(item->ns)) item = fail(no_such_namespace(item->ns));
  }
  std::vector<NewTask> tasks;
  tasks.reserve(parsed->size());
  for (auto& item : *parsed) {
    if (item) tasks.push_back(std::move(*item));
  }
  auto registered = hooks.register_many(std::move(tasks));
  if (!registered) return error_response(registered.error());
  if (registered->size() == parsed->size()) return json_response(200, codec::to_json(*registered));

  // Items that could not be read keep their places among the results.
  std::vector<Result<Registration>> results;
  results.reserve(parsed->size());
  std::size_t next = 0;
  for (auto& item : *parsed) {
    if (item) {
      results.push_back(std::move((*registered)[next++]));
    } else {
      results.push_back(fail(std::move(item.error())));
    }
  }
  return json_response(200, codec::to_json(results));
}

HttpResponse namespaces(Hooks& hooks, const HttpRequest& request, const Caller& caller) {
  QueryReader in(request);
  NamespacesQuery query;
  query.prefix = in.text("prefix");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.namespaces(query, caller.namespaces()));
}

using ActOnMany = Result<ManyResult> (Hooks::*)(const ManyQuery&);

Route many_route(Hooks& hooks, const char* verb, const char* operation, const char* summary,
                 const char* description, ActOnMany act) {
  return {
      .method = "POST",
      .pattern = std::string("/v1/namespaces/{ns}/tasks/") + verb,
      .operation_id = operation,
      .tag = "many",
      .summary = summary,
      .description = description,
      .parameters = {},
      .body =
          BodyDoc{"ManyQuery", R"({"id": "order-", "chunkLimit": 500})", false, kSmallBodyBytesMax},
      .responses = {{200,
                     "The tasks acted on. While `more` is true, call again, with lastEvaluatedKey "
                     "as startKey.",
                     "ManyResult"}},
      .access = Access{Where::kInNamespace, Role::kWrite},
      .work = Work::kMany,
      .handler =
          [&hooks, act](const HttpRequest& request, const PathParameters& path) {
            const auto query = codec::parse_many_query(request.body, path.get("ns"));
            if (!query) return error_response(query.error());
            return answer((hooks.*act)(*query));
          },
  };
}

Route register_many_route(Hooks& hooks) {
  return {
      .method = "POST",
      .pattern = "/v1/tasks/batch",
      .operation_id = "registerTasks",
      .tag = "many",
      .summary = "Register up to 1000 tasks",
      .description =
          "They are durable together. Each item gets a result of its own, in their "
          "order: 200 does not mean that all of them were registered. Items with an "
          "idempotencyKey or an id of their own can be sent again safely. Those of "
          "namespaces that the API key is not for are 404.",
      .parameters = {},
      .body =
          BodyDoc{
              "NewTasks",
              R"({"items": [{"namespace": "my-app", "url": "https://example.com/hook", "idempotencyKey": "order-17"}]})",
              true, kBatchBodyBytesMax},
      .responses = {{200, "A result for each item.", "BatchResult"}},
      .access = Access{Where::kInEachNamespace, Role::kWrite},
      .work = Work::kMany,
      .for_caller = [&hooks](
                        const HttpRequest& request,
                        const Caller& caller) { return register_many(hooks, request, caller); },
  };
}

Route namespaces_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = "/v1/namespaces",
      .operation_id = "fetchNamespaces",
      .tag = "many",
      .summary = "Fetch a page of the namespaces that have tasks",
      .description =
          "Ordered by the bytes of their names, those that the API key is for. Logs alone "
          "make no namespace.",
      .parameters = document_page_parameters("Namespaces that begin with this."),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.",
                     "NamespacePage"}},
      .access = Access{Where::kInEachNamespace, Role::kRead},
      .work = Work::kMany,
      .for_caller = [&hooks](const HttpRequest& request,
                             const Caller& caller) { return namespaces(hooks, request, caller); },
  };
}

Route clear_route(Hooks& hooks) {
  return {
      .method = "DELETE",
      .pattern = "/v1/namespaces/{ns}",
      .operation_id = "clearNamespace",
      .tag = "many",
      .summary = "Delete all tasks and logs of a namespace",
      .description = "",
      .parameters = {},
      .body = {},
      .responses = {{200, "How many tasks there were.", "Count"}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .work = Work::kMany,
      .handler =
          [&hooks](const HttpRequest&, const PathParameters& path) {
            const auto count = hooks.clear(path.get("ns"));
            if (!count) return error_response(count.error());
            return json_response(200, "{\"count\":" + std::to_string(*count) + "}");
          },
  };
}

}  // namespace

void add_bulk_routes(Router& router, Hooks& hooks) {
  router.add(register_many_route(hooks));
  router.add(many_route(hooks, "delete", "deleteTasks", "Delete many tasks",
                        "Deletes one chunk of the tasks that match; none given, all match.",
                        &Hooks::remove_many));
  router.add(many_route(hooks, "suspend", "suspendTasks", "Suspend many tasks",
                        "Suspends one chunk of the ACTIVE tasks that match.",
                        &Hooks::suspend_many));
  router.add(many_route(hooks, "unsuspend", "unsuspendTasks", "Unsuspend many tasks",
                        "Makes one chunk of the SUSPENDED tasks that match ACTIVE again, their "
                        "times as they were: what is past is due at once.",
                        &Hooks::unsuspend_many));
  router.add(many_route(hooks, "cancel", "cancelTasks", "Cancel many tasks",
                        "Makes one chunk of the tasks that match FAILED, cancelled: of the ACTIVE "
                        "ones, or with a status of the PROCESSING or SUSPENDED ones.",
                        &Hooks::cancel_many));
  router.add(namespaces_route(hooks));
  router.add(clear_route(hooks));
}

}  // namespace rhooks::rest
