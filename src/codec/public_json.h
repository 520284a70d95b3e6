#pragma once

#include <rhooks/api_key.h>
#include <rhooks/endpoint.h>
#include <rhooks/hooks_api.h>
#include <rhooks/log.h>
#include <rhooks/redrive.h>
#include <rhooks/result.h>
#include <rhooks/secret.h>
#include <rhooks/store_description.h>
#include <rhooks/task.h>

#include <string>
#include <string_view>
#include <vector>

namespace rhooks::model {
struct StoredRedrive;
}

// The public JSON of docs/semantics.md, as the REST API and `--json` show it. Text in, text
// out, so that no other module needs a JSON library for it.
//
// Readers refuse unknown fields, wrong types, duplicate keys, bodies nested deeper than 64,
// documents nested deeper than 512, and invalid UTF-8: kInvalidArgument with the JSON path as
// `field` ("repeat.interval", "items[3].url"). A field of a task that is null counts as absent.
namespace rhooks::codec {

// Reads the body of a register call. `ns` comes from the path; a "namespace" inside must
// agree with it. With an empty `ns` "namespace" is required. url, method, headers and body
// are accepted at top level or under "request"; given at both places, they must agree.
Result<NewTask> parse_new_task(std::string_view json, std::string_view ns);

// {"items":[…]}: at most 1000. An item that is wrong is an Error in its place.
Result<std::vector<Result<NewTask>>> parse_new_tasks(std::string_view json);

// The "schedule" of a task by itself. Members that are reserved, and mean nothing yet, are
// kUnsupported.
Result<Schedule> parse_schedule(std::string_view json);

// What a preview takes: {schedule,scheduledDate,repeat,namespace,id,from,count}.
Result<PreviewQuery> parse_preview_query(std::string_view json);

// Reads an endpoint that is put. `ns` and `name` come from the path, and members of these names
// must agree with them; with empty ones the members are required. What the scheduler sets is passed
// over, so that what it has shown can be put.
Result<Endpoint> parse_new_endpoint(std::string_view json, std::string_view ns,
                                    std::string_view name);
// Changes an endpoint as RFC 7396 (JSON Merge Patch) has it, names of headers in any case: null
// takes a field or a header back, and what is left out stays as it is.
Result<Endpoint> parse_endpoint_changes(std::string_view json, Endpoint endpoint);

// What a test of an endpoint takes: {method,url,headers,body}, all optional, with the defaults of
// model::default_test_request(); empty text stands for {}, and a body that is null for none.
Result<Request> parse_test_request(std::string_view json);

// Reads a secret that is put: as parse_new_endpoint(). Messages do not quote its value.
Result<NewSecret> parse_new_secret(std::string_view json, std::string_view ns,
                                   std::string_view name);
// {value,overlap?}
Result<SecretRotation> parse_secret_rotation(std::string_view json);

// Reads an API key that is asked for: {role,namespaces,expiresAt?,description?}.
Result<ApiKeySpec> parse_new_api_key(std::string_view json);
// Changes one, as parse_endpoint_changes().
Result<ApiKeySpec> parse_api_key_changes(std::string_view json, ApiKeySpec key);

// What delete-many, suspend-many, unsuspend-many and cancel-many take:
// {id,status,from,to,endpoint,reason,lastStatus,chunkLimit,startKey}, all optional; empty text
// stands for {}. null is refused here: an unset variable must not mean all tasks.
Result<ManyQuery> parse_many_query(std::string_view json, std::string_view ns);

// What a backfill of a series takes: {from,to,chunkLimit?,dryRun?}. null is refused here as well.
Result<BackfillQuery> parse_backfill_query(std::string_view json, const TaskKey& key);

// Reads a redrive that is asked for. `ns` comes from the path, and a "namespace" inside must agree
// with it. null is refused here as well.
Result<Redrive> parse_new_redrive(std::string_view json, std::string_view ns);

// What a program sends to a server. Errors: kInvalidArgument for what JSON cannot carry as it is:
// text that is not UTF-8, a body of kind kJson that is not JSON.
Result<std::string> to_json(const NewTask& task);
Result<std::string> to_json(const Schedule& schedule);
Result<std::string> to_json(const PreviewQuery& query);
Result<std::string> to_json(const ManyQuery& query);
Result<std::string> to_put_json(const Endpoint& endpoint);
Result<std::string> to_test_json(const Request& request);
Result<std::string> to_start_json(const Redrive& redrive);
Result<std::string> to_json(const NewSecret& secret);
Result<std::string> to_json(const SecretRotation& rotation);
Result<std::string> to_json(const ApiKeySpec& key);
Result<std::string> to_changes_json(const ApiKeySpec& key);  // that make a key just this one

std::string to_json(const Task& task);
std::string to_json(const Log& log);
std::string to_json(const TaskPage& page);       // {items,count,lastEvaluatedKey?}
std::string to_json(const LogPage& page);        // {items,count,lastEvaluatedKey?}
std::string to_json(const Namespace& item);      // {namespace}
std::string to_json(const NamespacePage& page);  // {items,count,lastEvaluatedKey?}
std::string to_json(const Endpoint& endpoint);
std::string to_json(const EndpointPage& page);  // {items,count,lastEvaluatedKey?}
std::string to_json(const Redrive& redrive);
// {description,timezone,tzdata?,occurrences:[{at,local,due?,kind}],remaining?,more,warnings}
std::string to_json(const Preview& preview);
std::string to_json(const Secret& secret);
std::string to_json(const SecretPage& page);  // {items,count,lastEvaluatedKey?}
std::string to_json(const ApiKey& key);
std::string to_json(const CreatedApiKey& key);
std::string to_json(const ApiKeyPage& page);       // {items,count,lastEvaluatedKey?}
std::string to_json(const TriggerResult& result);  // {processed,errors,held}
// {count,items:[{id,namespace}],more,lastEvaluatedKey?}
std::string to_json(const ManyResult& result);
// {count,items:[{namespace,id,scheduledDate}],more}
std::string to_json(const DryrunResult& result);
std::string to_json(const BackfillQuery& query);
// {items:[{id,scheduledDate,created}],next?}
std::string to_json(const BackfillResult& result);
// {kind,facts:{name:value},sections:[{title,rows:[{column:value}]}]}, each value a string.
std::string to_json(const StoreDescription& description);
// {"items":[{"status":201,"task":{…}} | {"status":400,"error":{problem}}]}, in input order.
std::string to_json(const std::vector<Result<Registration>>& results);

// RFC 9457: {type,title,status,detail,field?,code}. `status` is http_status(error.code).
std::string to_problem_json(const Error& error);
// The same under another HTTP status, for what HTTP tells apart and ErrorCode does not (401, 413).
std::string to_problem_json(const Error& error, int status);
int http_status(ErrorCode code);
// Reads one back (a client does). Text that is no problem document gives kInternal; one
// without a known code gets that of its status.
Error parse_problem_json(int status, std::string_view json);

// Readers of what a server answers. They accept fields that they do not know, so that a
// client can be older than its server. Errors: kInternal with the JSON path as `field`,
// because what a server answered is no fault of the caller's.
Result<Task> parse_task(std::string_view json);
Result<TaskPage> parse_task_page(std::string_view json);
Result<Log> parse_log(std::string_view json);
Result<LogPage> parse_log_page(std::string_view json);
Result<NamespacePage> parse_namespace_page(std::string_view json);
Result<Endpoint> parse_endpoint(std::string_view json);
Result<EndpointPage> parse_endpoint_page(std::string_view json);
Result<Redrive> parse_redrive(std::string_view json);
Result<Preview> parse_preview(std::string_view json);
Result<Secret> parse_secret(std::string_view json);
Result<SecretPage> parse_secret_page(std::string_view json);
Result<ApiKey> parse_api_key(std::string_view json);
Result<CreatedApiKey> parse_created_api_key(std::string_view json);
Result<ApiKeyPage> parse_api_key_page(std::string_view json);
// The answer to a batch: an item that the server refused is an Error in its place, and so is one
// that cannot be read (kInternal): the others are known all the same.
Result<std::vector<Result<Registration>>> parse_registrations(std::string_view json);
Result<ManyResult> parse_many_result(std::string_view json);
Result<TriggerResult> parse_trigger_result(std::string_view json);
Result<DryrunResult> parse_dryrun_result(std::string_view json);
Result<BackfillResult> parse_backfill_result(std::string_view json);
// A section without rows has no columns either.
Result<StoreDescription> parse_store_description(std::string_view json);
Result<std::int64_t> parse_count(std::string_view json);

Result<Method> parse_method(std::string_view name);                     // "GET"; any case
Result<Status> parse_status(std::string_view name);                     // "ACTIVE"; any case
Result<LogStatus> parse_log_status(std::string_view name);              // "FAIL"; any case
Result<Missed> parse_missed(std::string_view name);                     // "latest"; any case
Result<Overlap> parse_overlap(std::string_view name);                   // "wait"; any case
Result<RepeatUnit> parse_repeat_unit(std::string_view name);            // "minutes", also "minute"
Result<Occurrence::Kind> parse_occurrence_kind(std::string_view name);  // "plain"; any case
Result<RedriveState> parse_redrive_state(std::string_view name);        // "RUNNING"; any case
Result<SecretType> parse_secret_type(std::string_view name);            // "hmac"; any case
Result<Role> parse_role(std::string_view name);                         // "read"; any case

// What a store keeps of an endpoint: JSON without what the document has besides its data (names,
// revision, time of the last change). Fields that a newer version stored are passed over. Errors:
// kCorrupt.
std::string to_stored_json(const Endpoint& endpoint);
Result<Endpoint> parse_stored_endpoint(std::string_view json);
// The same of a redrive, with how far it has come.
std::string to_stored_json(const model::StoredRedrive& redrive);
Result<model::StoredRedrive> parse_stored_redrive(std::string_view json);

}  // namespace rhooks::codec
