// Routes that tell when a task will run.

#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr int kPreviewCountMax = 1000;

HttpResponse preview_query(Hooks& hooks, const HttpRequest& request) {
  const auto query = codec::parse_preview_query(request.body);
  if (!query) return error_response(query.error());
  return answer(hooks.preview(*query));
}

HttpResponse preview_task(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  QueryReader in(request);
  PreviewRange range;
  range.from = in.time("from");
  range.count = in.limit("count", range.count, kPreviewCountMax);
  if (in.error()) return error_response(*in.error());
  return answer(hooks.preview(key_of(path), range));
}

}  // namespace

void add_preview_routes(Router& router, Hooks& hooks) {
  router.add({
      .method = "POST",
      .pattern = "/v1/schedule/preview",
      .operation_id = "previewSchedule",
      .tag = "schedules",
      .summary = "Preview a schedule",
      .description = "When a task would run, in words and in times, before it is registered. "
                     "Changes nothing.",
      .parameters = {},
      .body = BodyDoc{"PreviewQuery",
                      R"({"schedule": {"cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}})",
                      true, kSmallBodyBytesMax},
      .responses = {{200, "When it would run.", "Preview"}},
      .access = Access{Where::kAnywhere, Role::kRead},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest& request,
                          const PathParameters&) { return preview_query(hooks, request); },
  });
  router.add({
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/tasks/{id}/preview",
      .operation_id = "previewTask",
      .tag = "schedules",
      .summary = "Preview a task",
      .description = "When a task will run, from its current occurrence on, if all goes as "
                     "planned. Of one that is DONE or FAILED nothing is left.",
      .parameters = {time_parameter("from", "Occurrences at this time or later."),
                     {"count", "The most to show.",
                      R"({"type":"integer","minimum":1,"maximum":1000,"default":10})"}},
      .body = {},
      .responses = {{200, "When it will run.", "Preview"}, {404, "No such task."}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .work = Work::kMany,
      .handler = [&hooks](
                     const HttpRequest& request,
                     const PathParameters& path) { return preview_task(hooks, request, path); },
  });
}

}  // namespace rhooks::rest
