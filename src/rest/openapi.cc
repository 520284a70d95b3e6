#include "rest/openapi.h"

#include <boost/json.hpp>

#include "base/ascii.h"
#include "base/check.h"

namespace rhooks::rest {

namespace {

namespace json = boost::json;

json::object schema_ref(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

json::object response_ref(const char* name) {
  return {{"$ref", std::string("#/components/responses/") + name}};
}

json::object problem_response(std::string_view description) {
  json::object response;
  response["description"] = json::string_view(description.data(), description.size());
  response["content"] = {{"application/problem+json", {{"schema", schema_ref("Problem")}}}};
  return response;
}

json::object response_of(const ResponseDoc& doc) {
  if (doc.status >= 400 && doc.schema.empty()) return problem_response(doc.description);
  json::object response;
  response["description"] = doc.description;
  RHOOKS_CHECK(!doc.schema.empty());
  response["content"] =
      json::object{{doc.content_type, json::object{{"schema", schema_ref(doc.schema)}}}};
  return response;
}

json::array parameters_of(const Route& route) {
  json::array parameters;
  for (const Route::Segment& segment : route.segments) {
    if (!segment.parameter) continue;
    parameters.push_back(json::object{{"$ref", "#/components/parameters/" + segment.text}});
  }
  for (const ParameterDoc& doc : route.parameters) {
    json::object parameter;
    parameter["name"] = doc.name;
    parameter["in"] = doc.in;
    parameter["description"] = doc.description;
    parameter["schema"] = json::parse(doc.schema);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

// Which key it takes, where there are keys.
std::string key_of_route(const Access& access) {
  const std::string role = std::string("An API key needs the role ") + to_string(access.role);
  switch (access.where) {
    case Where::kPublic:
    case Where::kAnywhere:
      return "";
    case Where::kInNamespace:
      return role + " in the namespace.";
    case Where::kInEachNamespace:
      return role + ".";
    case Where::kInAllNamespaces:
      return role + " in all namespaces.";
  }
  return "";
}

std::string description_of(const Route& route) {
  const std::string key = key_of_route(*route.access);
  return route.description + (route.description.empty() || key.empty() ? "" : " ") + key;
}

json::object operation_of(const Route& route) {
  json::object operation;
  operation["operationId"] = route.operation_id;
  operation["tags"] = {json::string(route.tag)};
  operation["summary"] = route.summary;
  if (const std::string text = description_of(route); !text.empty()) {
    operation["description"] = text;
  }
  json::array parameters = parameters_of(route);
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (route.body) {
    json::object media;
    media["schema"] = schema_ref(route.body->schema);
    media["example"] = json::parse(route.body->example);
    operation["requestBody"] = {{"required", route.body->required},
                                {"content", json::object{{"application/json", media}}}};
  }

  json::object responses;
  for (const ResponseDoc& doc : route.responses) {
    responses[std::to_string(doc.status)] = response_of(doc);
  }
  // What any route may answer, so that the table need not repeat it.
  responses.emplace("400", response_ref("BadRequest"));
  if (!route.access->is_public()) {
    responses.emplace("401", response_ref("Unauthorized"));
    responses.emplace("403", response_ref("Forbidden"));
    responses.emplace("421", response_ref("Misdirected"));
    responses.emplace("429", response_ref("TooEarly"));
  }
  if (route.access->where == Where::kInNamespace) {
    responses.emplace("404", response_ref("NotReached"));
  }
  if (route.body) {
    responses.emplace("413", response_ref("TooLarge"));
    responses.emplace("415", response_ref("NotJson"));
  }
  if (!route.immediate) {
    responses.emplace("500", response_ref("Failed"));
    responses.emplace("503", response_ref("Unavailable"));
  }
  operation["responses"] = std::move(responses);
  if (route.access->is_public()) operation["security"] = json::array();
  return operation;
}

json::object path_parameter(const char* name, const char* description, int length_max,
                            const char* example) {
  return {{"name", name},
          {"in", "path"},
          {"required", true},
          {"description", description},
          {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", length_max}}},
          {"example", example}};
}

json::object components() {
  json::object responses;
  responses["BadRequest"] = problem_response("The request is wrong; `field` names the part.");
  responses["Unauthorized"] = problem_response("The API key is missing, wrong or expired.");
  responses["Forbidden"] = problem_response(
      "The API key does not allow it; or, where none is asked for, the request comes from another "
      "site's page (Origin).");
  responses["TooEarly"] =
      problem_response("More calls than the rate of the API key allows; see Retry-After.");
  responses["NotReached"] = problem_response("The API key is not for this namespace.");
  responses["Misdirected"] =
      problem_response("Only where no API key is asked for: the Host is not this machine.");
  responses["TooLarge"] = problem_response("The body is too long.");
  responses["NotJson"] = problem_response("The Content-Type of the body is not JSON.");
  responses["Failed"] = problem_response("The server failed.");
  responses["Unavailable"] = problem_response(
      "The store cannot be used now, or there are too many requests; see Retry-After. With the "
      "code unknown_outcome the call may have been applied.");

  json::object parameters;
  parameters["ns"] = path_parameter(
      "ns", "The namespace. Percent-encode '/', '#' and '%'; at most 256 bytes.", 256, "my-app");
  parameters["id"] =
      path_parameter("id", "The task's id. Percent-encode '/', '#' and '%'; at most 512 bytes.",
                     512, "orders#0197a1f2-8a3b-7c4d-9e5f-001122334455");
  parameters["name"] = path_parameter(
      "name", "The name of the endpoint or secret: letters, digits, '.', '_' and '-'.", 128,
      "acme");
  parameters["keyId"] = path_parameter("keyId", "The id of the API key.", 12, "k7x2m4qpsz3a");

  json::object all;
  json::value schemas = json::parse(other_schemas());
  const json::value of_tasks = json::parse(task_schemas());
  for (const auto& schema : of_tasks.get_object()) schemas.get_object().insert(schema);
  all["schemas"] = std::move(schemas);
  all["parameters"] = std::move(parameters);
  all["responses"] = std::move(responses);
  all["securitySchemes"] = {
      {"apiKey",
       {{"type", "http"},
        {"scheme", "bearer"},
        {"description",
         "Asked for where the server was started with an API key, or its store has some."}}}};
  return all;
}

}  // namespace

std::string openapi_document(const Router& router) {
  json::object document;
  document["openapi"] = "3.1.0";
  document["info"] = {
      {"title", "Reactive Hooks"},
      {"version", "1"},
      {"summary", "Schedules HTTP webhooks and delivers them."},
      {"description",
       "Times are UTC with milliseconds; any ISO-8601 offset is accepted. Errors "
       "are RFC 9457 problem documents that name the field. Unknown fields and "
       "query parameters are refused. HEAD is answered wherever GET is. Headers that "
       "carry credentials, such as Authorization and Cookie, are shown with "
       "[redacted 6f1c9a0b12e45d78] in the place of their value; an endpoint may "
       "be put with it, to keep what is stored, and no task."},
      {"license", {{"name", "MIT"}, {"identifier", "MIT"}}}};
  document["servers"] = {{{"url", "/"}, {"description", "This server."}}};
  document["security"] = {{{"apiKey", json::array()}}};
  document["tags"] = {{{"name", "tasks"}, {"description", "Single tasks."}},
                      {{"name", "many"}, {"description", "Many tasks at once."}},
                      {{"name", "endpoints"}, {"description", "Where webhooks go."}},
                      {{"name", "secrets"},
                       {"description", "What webhooks are signed with, and receivers ask for."}},
                      {{"name", "keys"}, {"description", "Who may call this API."}},
                      {{"name", "redrive"}, {"description", "Running FAILED tasks again."}},
                      {{"name", "schedules"}, {"description", "When tasks run."}},
                      {{"name", "logs"}, {"description", "What the attempts came to."}},
                      {{"name", "trigger"}, {"description", "Attempting what is due."}},
                      {{"name", "system"}, {"description", "For those who operate the server."}}};
  json::object paths;
  for (const Route& route : router.routes()) {
    const std::string method = lower_case(route.method);
    json::value& path = paths[route.pattern];
    if (!path.is_object()) path.emplace_object();
    path.get_object()[method] = operation_of(route);
  }
  document["paths"] = std::move(paths);
  document["components"] = components();
  return json::serialize(document);
}

}  // namespace rhooks::rest
