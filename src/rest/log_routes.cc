#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

HttpResponse fetch_logs(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  QueryReader in(request);
  FetchLogsQuery query;
  query.ns = path.get("ns");
  query.task_id = in.text("taskId");
  query.status = in.log_status("status");
  query.from = in.time("from");
  query.to = in.time("to");
  query.desc = in.flag("desc");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.fetch_logs(query));
}

}  // namespace

void add_log_routes(Router& router, Hooks& hooks) {
  std::vector<ParameterDoc> parameters = {
      {"taskId", "Logs of this task. Those of an endpoint: fetch its tasks first, by `endpoint`.",
       R"({"type":"string"})"},
      {"status", "Logs of this status.", R"({"$ref":"#/components/schemas/LogStatus"})"},
      time_parameter("from", "Logs with a startedAt of this time or later."),
      time_parameter("to", "Logs with a startedAt of this time or earlier."),
  };
  for (ParameterDoc& p : page_parameters()) parameters.push_back(std::move(p));
  router.add({
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/logs",
      .operation_id = "fetchLogs",
      .tag = "logs",
      .summary = "Fetch a page of logs",
      .description = "One log for each attempt, ordered by startedAt.",
      .parameters = std::move(parameters),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.", "LogPage"}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest& request,
                          const PathParameters& path) { return fetch_logs(hooks, request, path); },
  });
}

}  // namespace rhooks::rest
