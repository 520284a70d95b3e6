// Routes of single tasks, and the page of tasks.

#include <new>

#include "base/ascii.h"
#include "model/limits.h"
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
  query.filter.endpoint = in.text("endpoint");
  query.filter.reason = in.text("reason");
  query.filter.last_status = in.integer("lastStatus", model::kStatusMin, model::kStatusMax);
  query.desc = in.flag("desc");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.fetch(query));
}

Route register_route(Hooks& hooks) {
  return {
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
                    {404, "There is no endpoint of that name."},
                    {409, "The id exists, or the Idempotency-Key was used for another task."},
                    {501,
                     "The schedule asks for what is not supported, or for a time zone where "
                     "there is no time zone database."}},
      .access = Access{Where::kInNamespace, Role::kWrite},
      .handler = [&hooks](
                     const HttpRequest& request,
                     const PathParameters& path) { return register_task(hooks, request, path); },
      .later = [&hooks](
                   const HttpRequest& request, const PathParameters& path,
                   Respond respond) { register_later(hooks, request, path, std::move(respond)); },
  };
}

Route fetch_route(Hooks& hooks) {
  std::vector<ParameterDoc> parameters = {
      {"id", "Tasks whose id begins with this; they are ordered by id.", R"({"type":"string"})"},
      {"status", "Tasks of this status.", R"({"$ref":"#/components/schemas/Status"})"},
      time_parameter("from", "Tasks with a scheduledDate of this time or later."),
      time_parameter("to", "Tasks with a scheduledDate of this time or earlier."),
      {"endpoint", "Tasks that name this endpoint.", R"({"type":"string"})"},
      {"reason", "Tasks with this failureReason; only FAILED ones have one.",
       R"({"type":"string"})"},
      {"lastStatus", "Tasks whose latest answer had this status.",
       R"({"type":"integer","minimum":100,"maximum":599})"},
  };
  for (ParameterDoc& p : page_parameters()) parameters.push_back(std::move(p));
  return {
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/tasks",
      .operation_id = "fetchTasks",
      .tag = "tasks",
      .summary = "Fetch a page of tasks",
      .description = "Ordered by scheduledDate, or by id where an id is given.",
      .parameters = std::move(parameters),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.", "TaskPage"}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .work = Work::kMany,
      .handler = [&hooks](const HttpRequest& request,
                          const PathParameters& path) { return fetch_tasks(hooks, request, path); },
  };
}

using CallOnTask = Result<Task> (Hooks::*)(const TaskKey&);

// A call on the task that the path names. `change` is a verb at the end of the path; empty: none.
Route task_route(Hooks& hooks, const char* method, const std::string& change, const char* operation,
                 const char* summary, const char* description, const char* result,
                 CallOnTask call) {
  std::vector<ResponseDoc> responses = {{200, result, "Task"}, {404, "No such task."}};
  if (!change.empty()) responses.push_back({409, "The task's status forbids it."});
  return {
      .method = method,
      .pattern = "/v1/namespaces/{ns}/tasks/{id}" + (change.empty() ? "" : "/" + change),
      .operation_id = operation,
      .tag = "tasks",
      .summary = summary,
      .description = description,
      .parameters = {},
      .body = {},
      .responses = std::move(responses),
      .access = Access{Where::kInNamespace,
                       std::string_view(method) == "GET" ? Role::kRead : Role::kWrite},
      .handler = [&hooks, call](
                     const HttpRequest&,
                     const PathParameters& path) { return answer((hooks.*call)(key_of(path))); },
  };
}

}  // namespace

void add_task_routes(Router& router, Hooks& hooks) {
  router.add(register_route(hooks));
  router.add(fetch_route(hooks));
  router.add(task_route(hooks, "GET", "", "getTask", "Get a task", "", "The task.", &Hooks::get));
  router.add(
      task_route(hooks, "DELETE", "", "deleteTask", "Delete a task",
                 "An attempt that is under way ends and is logged; the task does not come back.",
                 "The task as it was.", &Hooks::remove));
  const char* const now = "The task as it is now.";
  router.add(task_route(hooks, "POST", "suspend", "suspendTask", "Suspend an ACTIVE task",
                        "Once it is answered, no attempt is begun.", now, &Hooks::suspend));
  router.add(task_route(hooks, "POST", "unsuspend", "unsuspendTask", "Make a SUSPENDED task ACTIVE",
                        "It keeps its times: what is past is due at once.", now,
                        &Hooks::unsuspend));
  router.add(task_route(hooks, "POST", "cancel", "cancelTask", "Cancel a task that may still run",
                        "It is FAILED, cancelled. An attempt that is under way ends and is logged, "
                        "and changes nothing.",
                        now, &Hooks::cancel));
  router.add(task_route(hooks, "POST", "trigger", "triggerTask", "Run a task now",
                        "Makes an ACTIVE task's occurrence due at once, or gives it an extra "
                        "one before the time of its series, and gives a DONE or FAILED task "
                        "one more occurrence.",
                        now, static_cast<CallOnTask>(&Hooks::trigger)));
}

}  // namespace rhooks::rest
