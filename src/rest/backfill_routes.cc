// The route that makes up for past occurrences of a series.

#include "rest/routes.h"

namespace rhooks::rest {
namespace {

HttpResponse backfill(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto query = codec::parse_backfill_query(request.body, key_of(path));
  if (!query) return error_response(query.error());
  return answer(hooks.backfill(*query));
}

}  // namespace

void add_backfill_routes(Router& router, Hooks& hooks) {
  router.add({
      .method = "POST",
      .pattern = "/v1/namespaces/{ns}/tasks/{id}/backfill",
      .operation_id = "backfillTask",
      .tag = "schedules",
      .summary = "Make up for past occurrences of a series",
      .description =
          "Registers a one-shot task for each nominal time of the series from `from` to `to`, with "
          "its request and settings as they are now, due at once. Their ids are that of the "
          "series, \"@\" and the nominal time, so a second call finds those that are there.",
      .parameters = {},
      .body = BodyDoc{"BackfillQuery",
                      R"({"from": "2027-01-01T00:00:00Z", "to": "2027-01-01T12:00:00Z"})", true,
                      kSmallBodyBytesMax},
      .responses = {{200, "What stands for them; with `next` where there are more.",
                     "BackfillResult"},
                    {404, "No such task, or its endpoint is not there."},
                    {409, "The task is no series."}},
      .access = Access{Where::kInNamespace, Role::kWrite},
      .work = Work::kMany,
      .handler = handler_of(hooks, backfill),
  });
}

}  // namespace rhooks::rest
