// Routes of single tasks, and the page of tasks.

#include <new>

#include "base/ascii.h"
#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr const char* kTaskExample = R"({
  "url": "https://example.com/hook",
  "method": "POST",
  "body": {"key": "value"},
  "scheduledDate": "2030-01-31T12:00:00.000Z",
  "repeat": {"interval": 5, "unit": "minutes", "max": 10},
  "retryLimit": 3
})";

Result<NewTask> new_task_of(const HttpRequest& request, const PathParameters& path) {
  auto task = codec::parse_new_task(request.body, path.get("ns"));
  if (!task) return task;
  if (const std::string* key = request.header("Idempotency-Key")) {
    if (key->empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "Idempotency-Key: must not be empty; leave the header out instead",
                  "Idempotency-Key");
    }
    if (!task->idempotency_key.empty() && task->idempotency_key != *key) {
      return fail(ErrorCode::kInvalidArgument,
                  "idempotencyKey: differs from the Idempotency-Key header; give it at one place, "
                  "or the same at both",
                  "idempotencyKey");
    }
    task->idempotency_key = *key;
  }
  return task;
}

// An error about the key names the place where the caller gave it.
Error named_for(const HttpRequest& request, Error error) {
  constexpr std::string_view kField = "idempotencyKey";
  constexpr std::string_view kHeader = "Idempotency-Key";
  if (error.field != kField || request.header(kHeader) == nullptr) return error;
  error.field = kHeader;
  if (error.message.starts_with(kField)) error.message.replace(0, kField.size(), kHeader);
  return error;
}

HttpResponse registered(const HttpRequest& request, const Result<Registration>& result) {
  if (!result) return error_response(named_for(request, result.error()));
  HttpResponse response = json_response(result->created ? 201 : 200, codec::to_json(result->task));
  if (result->created) {
    response.headers.push_back({"Location", "/v1/namespaces/" +
                                                percent_encoded(result->task.key.ns) + "/tasks/" +
                                                percent_encoded(result->task.key.id)});
  }
  return response;
}

HttpResponse register_task(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  auto task = new_task_of(request, path);
  if (!task) return error_response(task.error());
  return registered(request, hooks.register_task(std::move(*task)));
}

void register_later(Hooks& hooks, const HttpRequest& request, const PathParameters& path,
                    Respond respond) {
  auto task = new_task_of(request, path);
  if (!task) {
    respond(error_response(task.error()));
    return;
  }
  hooks.register_task(std::move(*task), [&request, respond = std::move(respond)](
                                            const Result<Registration>& result) {
    try {
      respond(registered(request, result));
    } catch (const std::bad_alloc&) {  // the server answers once `respond` is gone
    }
  });
}

HttpResponse fetch_tasks(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  QueryReader in(request);
  FetchQuery query;
  query.filter.ns = path.get("ns");
  query.filter.id = in.text("id");
  query.filter.status = in.status("status");
  query.filter.from = in.time("from");
  query.filter.to = in.time("to");
  query.desc = in.flag("desc");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.fetch(query));
}

using ChangeOne = Result<Task> (Hooks::*)(const TaskKey&);

Route change_route(Hooks& hooks, const char* verb, const char* operation, const char* summary,
                   const char* description, ChangeOne change) {
  return {
      .method = "POST",
      .pattern = std::string("/v1/namespaces/{ns}/tasks/{id}/") + verb,
      .operation_id = operation,
      .tag = "tasks",
      .summary = summary,
      .description = description,
      .parameters = {},
      .body = {},
      .responses = {{200, "The task as it is now.", "Task"},
                    {404, "No such task."},
                    {409, "The task's status forbids it."}},
      .handler = [&hooks, change](
                     const HttpRequest&,
                     const PathParameters& path) { return answer((hooks.*change)(key_of(path))); },
  };
}

}  // namespace

void add_task_routes(Router& router, Hooks& hooks) {
  router.add({
      .method = "POST",
      .pattern = "/v1/namespaces/{ns}/tasks",
      .operation_id = "registerTask",
      .tag = "tasks",
      .summary = "Register a task",
      .description =
          "Once it is answered, the task is on disk and will be delivered at least once.",
      .parameters = {{"Idempotency-Key",
                      "Makes a retry safe: the id derives from it, so a replay finds the first "
                      "task. Excludes an id of your own. The same as the field idempotencyKey.",
                      R"({"type":"string","minLength":1,"maxLength":256})", "header"}},
      .body = BodyDoc{"NewTask", kTaskExample, true, kTaskBodyBytesMax},
      .responses = {{201, "Registered.", "Task"},
                    {200, "The Idempotency-Key was used before for the same task: this one.",
                     "Task"},
                    {409, "The id exists, or the Idempotency-Key was used for another task."}},
      .handler = [&hooks](
                     const HttpRequest& request,
                     const PathParameters& path) { return register_task(hooks, request, path); },
      .later = [&hooks](
                   const HttpRequest& request, const PathParameters& path,
                   Respond respond) { register_later(hooks, request, path, std::move(respond)); },
  });

  std::vector<ParameterDoc> fetch_parameters = {
      {"id", "Tasks whose id begins with this; they are ordered by id.", R"({"type":"string"})"},
      {"status", "Tasks of this status.", R"({"$ref":"#/components/schemas/Status"})"},
      time_parameter("from", "Tasks with a scheduledDate of this time or later."),
      time_parameter("to", "Tasks with a scheduledDate of this time or earlier."),
  };
  for (ParameterDoc& p : page_parameters()) fetch_parameters.push_back(std::move(p));
  router.add({
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/tasks",
      .operation_id = "fetchTasks",
      .tag = "tasks",
      .summary = "Fetch a page of tasks",
      .description = "Ordered by scheduledDate, or by id where an id is given.",
      .parameters = std::move(fetch_parameters),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.", "TaskPage"}},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest& request,
                          const PathParameters& path) { return fetch_tasks(hooks, request, path); },
  });

  router.add({
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/tasks/{id}",
      .operation_id = "getTask",
      .tag = "tasks",
      .summary = "Get a task",
      .description = "",
      .parameters = {},
      .body = {},
      .responses = {{200, "The task.", "Task"}, {404, "No such task."}},
      .handler = [&hooks](const HttpRequest&,
                          const PathParameters& path) { return answer(hooks.get(key_of(path))); },
  });
  router.add({
      .method = "DELETE",
      .pattern = "/v1/namespaces/{ns}/tasks/{id}",
      .operation_id = "deleteTask",
      .tag = "tasks",
      .summary = "Delete a task",
      .description =
          "An attempt that is under way ends and is logged; the task does not come back.",
      .parameters = {},
      .body = {},
      .responses = {{200, "The task as it was.", "Task"}, {404, "No such task."}},
      .handler = [&hooks](
                     const HttpRequest&,
                     const PathParameters& path) { return answer(hooks.remove(key_of(path))); },
  });

  router.add(change_route(hooks, "suspend", "suspendTask", "Suspend an ACTIVE task",
                          "Once it is answered, no attempt is begun.", &Hooks::suspend));
  router.add(change_route(hooks, "unsuspend", "unsuspendTask", "Make a SUSPENDED task ACTIVE",
                          "It keeps its times: what is past is due at once.", &Hooks::unsuspend));
  router.add(change_route(hooks, "trigger", "triggerTask", "Run a task now",
                          "Makes an ACTIVE task's occurrence due at once, and gives a DONE or "
                          "FAILED task one more occurrence.",
                          static_cast<ChangeOne>(&Hooks::trigger)));
}

}  // namespace rhooks::rest
