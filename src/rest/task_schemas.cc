// The schemas of tasks, logs, endpoints, secrets, API keys and redrives, by the rows of
// model/fields.h, model/endpoint.h, model/secret.h, model/api_key.h and model/redrive.h.
// Those of answers leave additional properties open, because fields are added in later versions;
// those of requests do not, because unknown ones are refused.

#include <boost/json.hpp>

#include "model/api_key.h"
#include "model/endpoint.h"
#include "model/fields.h"
#include "model/numbers.h"
#include "model/redrive.h"
#include "model/secret.h"
#include "model/transitions.h"
#include "rest/openapi.h"

namespace rhooks::rest {
namespace {

namespace json = boost::json;

enum class Side { kGiven, kShown };

template <typename T>
inline constexpr const char* kSchemaOf = nullptr;
template <>
inline constexpr const char* kSchemaOf<Method> = "Method";
template <>
inline constexpr const char* kSchemaOf<Status> = "Status";
template <>
inline constexpr const char* kSchemaOf<LogStatus> = "LogStatus";
template <>
inline constexpr const char* kSchemaOf<RedriveState> = "RedriveState";
template <>
inline constexpr const char* kSchemaOf<SecretType> = "SecretType";
template <>
inline constexpr const char* kSchemaOf<TimePoint> = "Time";
template <>
inline constexpr const char* kSchemaOf<std::vector<Header>> = "Headers";
template <>
inline constexpr const char* kSchemaOf<Request> = "Request";
template <>
inline constexpr const char* kSchemaOf<Repeat> = "Repeat";
template <>
inline constexpr const char* kSchemaOf<Schedule> = "Schedule";
template <>
inline constexpr const char* kSchemaOf<Held> = "Held";
template <>
inline constexpr const char* kSchemaOf<Skipped> = "Skipped";
template <>
inline constexpr const char* kSchemaOf<Errors> = "Errors";
template <>
inline constexpr const char* kSchemaOf<Execution> = "Execution";
template <>
inline constexpr const char* kSchemaOf<Response> = "Response";

template <typename T>
json::object type_of(Side side) {
  if constexpr (std::is_same_v<T, Body>) {
    return {};  // any value
  } else if constexpr (kSchemaOf<T> != nullptr) {
    const bool given = side == Side::kGiven && std::is_same_v<T, Request>;
    return {{"$ref", std::string("#/components/schemas/") + (given ? "New" : "") + kSchemaOf<T>}};
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, StatusSet> ||
                       std::is_same_v<T, std::chrono::milliseconds> || std::is_same_v<T, Rate>) {
    return {{"type", "string"}};
  } else if constexpr (std::is_same_v<T, std::vector<std::chrono::milliseconds>> ||
                       std::is_same_v<T, std::vector<std::string>>) {
    return {{"type", "array"}, {"items", json::object{{"type", "string"}}}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    return {{"type", "number"}};
  } else {
    json::array names;
    for (const T value : model::Numbers<T>::kAll) names.emplace_back(to_string(value));
    return {{"type", "string"}, {"enum", std::move(names)}};
  }
}

void add_limits(json::object&, const auto&) {}

// Of names and texts.
template <typename R>
requires requires(R rule) {
  rule.bytes_max;
}
void add_limits(json::object& property, const R& rule) {
  property["minLength"] = 1;
  property["maxLength"] = rule.bytes_max;
}

void add_limits(json::object& property, const model::Range& rule) {
  property["minimum"] = rule.min;
  if (rule.max < std::numeric_limits<std::int64_t>::max()) property["maximum"] = rule.max;
}

void add_limits(json::object& property, const model::Waits&) {
  property["minItems"] = 1;
  property["maxItems"] = model::kRetryLimitMax;
}
void add_limits(json::object& property, const model::Events& rule) {
  json::array names;
  for (const std::string_view event : rule.known) {
    names.emplace_back(json::string_view(event.data(), event.size()));
  }
  property["items"].as_object()["enum"] = std::move(names);
  property["minItems"] = 1;
  property["uniqueItems"] = true;
}
void add_limits(json::object& property, const model::Texts& rule) {
  json::object text = std::move(property["items"].as_object());
  text["maxLength"] = rule.bytes_max;
  property["items"] = text;
  property["minItems"] = 1;
  property["maxItems"] = rule.count_max;
  if (!rule.one_alone) return;
  json::array either{std::move(text), std::move(property)};
  property = json::object{{"anyOf", std::move(either)}};
}
void add_limits(json::object& property, const model::FailedStatuses&) {
  property["pattern"] = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$";
}

template <typename R>
requires std::is_same_v<R, model::RateRange> || std::is_same_v<R, model::RedriveRate>
void add_limits(json::object& property, const R&) {
  property["pattern"] = "^[0-9]+/([0-9]*(w|d|h|m|s|ms))+$";
}

void add_limits(json::object& property, const model::FailureReason&) {
  json::array reasons;
  for (const std::string_view reason : model::failure::kAll) {
    reasons.emplace_back(json::string_view(reason.data(), reason.size()));
  }
  property["enum"] = std::move(reasons);
}

void add_limits(json::object& property, const model::EndpointName&) {
  property["pattern"] = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
  property["maxLength"] = model::kEndpointNameBytesMax;
}

void add_limits(json::object& property, const model::By<model::validate_target>&) {
  property["format"] = "uri-reference";
  property["maxLength"] = model::kUrlBytesMax;
}
void add_limits(json::object& property, const model::By<model::validate_endpoint_url>&) {
  property["format"] = "uri";
  property["maxLength"] = model::kUrlBytesMax;
}

void add_limits(json::object& property, const model::By<model::check_api_key_namespaces>&) {
  json::object& one = property["items"].as_object();
  one["minLength"] = 1;
  one["maxLength"] = model::kNamespaceBytesMax;
  property["minItems"] = 1;
  property["maxItems"] = model::kApiKeyNamespacesMax;
}

template <typename F>
void add_default(json::object& property, const F& field) {
  using Value = typename F::Value;
  if (field.required) return;
  // Not of what is left open, such as retryLimit: a client that fills in defaults would override
  // its endpoint.
  if constexpr (std::is_enum_v<Value>) {
    property["default"] = to_string(model::kDefault<F>);
  } else if constexpr (std::is_integral_v<Value>) {
    property["default"] = model::kDefault<F>;
  }
}

template <typename F>
json::object property_of(const F& field, Side side) {
  json::object property = type_of<model::Bare<typename F::Value>>(side);
  add_limits(property, field.rule);
  if (side == Side::kGiven) add_default(property, field);
  if (field.read_only) property["readOnly"] = true;
  if (*field.doc != '\0') property["description"] = field.doc;
  return property;
}

// A text or a list, which is left out then.
template <typename T>
concept MayBeEmpty = requires(const T& value) {
  value.empty();
};

// Whether an answer always has it.
template <typename F>
bool always_shown(const F& field) {
  using Value = typename F::Value;
  return field.required || field.in_answers ||
         (!model::kHidesDefault<F> && !model::kIsOptional<Value> && !MayBeEmpty<Value> &&
          !std::is_same_v<Value, Body>);
}

class Schema {
 public:
  explicit Schema(Side side) : side_(side) {}

  template <typename F>
  void add(const F& field) {
    add(field.name, property_of(field, side_),
        side_ == Side::kGiven ? field.required : always_shown(field));
  }
  void add(std::string_view name, json::object property, bool required) {
    const json::string_view key(name.data(), name.size());
    properties_[key] = std::move(property);
    if (required) required_.emplace_back(key);
  }
  template <typename T>
  void add_all() {
    model::for_each_field<T>([&](const auto& field) { add(field); });
  }

  json::object take() {
    json::object schema{{"type", "object"}};
    if (!required_.empty()) schema["required"] = std::move(required_);
    if (side_ == Side::kGiven) schema["additionalProperties"] = false;
    schema["properties"] = std::move(properties_);
    return schema;
  }

 private:
  Side side_;
  json::array required_;
  json::object properties_;
};

template <typename T>
json::object schema_of(Side side) {
  Schema schema(side);
  schema.add_all<T>();
  return schema.take();
}

// What is left out may also be the minutes that an expression matches.
json::object schedule() {
  json::object schema = schema_of<Schedule>(Side::kGiven);
  json::object& exclude = schema["properties"].as_object()["exclude"].as_object();
  json::object cron{{"type", "object"},
                    {"required", json::array{"cron"}},
                    {"additionalProperties", false},
                    {"properties", json::object{{"cron", json::object{{"type", "string"}}}}}};
  json::array either{std::move(exclude["items"]), std::move(cron)};
  exclude["items"] = json::object{{"anyOf", std::move(either)}};
  schema["description"] = "Exactly one of cron, every and at is given.";
  return schema;
}

// Its fields may stand beside it, so it requires none.
json::object new_request() {
  json::object schema = schema_of<Request>(Side::kGiven);
  schema.erase("required");
  return schema;
}

json::object new_task() {
  Schema schema(Side::kGiven);
  model::for_each_field<NewTask>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Spec::request>) schema.add_all<Request>();
    schema.add(field);
  });
  json::object made = schema.take();
  // The namespace may stand in the path, and the URL in the request.
  made.erase("required");
  made["description"] =
      "url, method, headers and body stand here or in request; given at both places, they must "
      "agree. A url or an endpoint is required, and in a batch a namespace. A field that is null "
      "counts as not given.";
  return made;
}

json::object task() {
  Schema schema(Side::kShown);
  schema.add("namespace", {{"type", "string"}}, true);
  schema.add("id", {{"type", "string"}}, true);
  model::for_each_field<Task>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Spec::request>) {
      schema.add("url", {{"type", "string"}, {"format", "uri-reference"}}, false);
      schema.add("method", type_of<Method>(Side::kShown), true);
      schema.add(field.name, type_of<Request>(Side::kShown), true);
    } else {
      schema.add(field);
    }
  });
  json::object made = schema.take();
  made["example"] = json::parse(R"({
    "namespace": "my-app", "id": "0197a1f2-8a3b-7c4d-9e5f-001122334455",
    "url": "https://example.com/hook", "method": "POST",
    "request": {"method": "POST", "url": "https://example.com/hook", "headers": {}, "body": {"key": "value"}},
    "scheduledDate": "2030-01-31T12:00:00.000Z", "retryLimit": 3, "status": "ACTIVE",
    "errors": {"count": 0, "consecutive": 0},
    "execution": {"count": 0, "failed": 0, "successful": 0, "skipped": 0, "extra": 0},
    "attempt": 0,
    "__createdAt": "2030-01-31T11:00:00.000Z", "__updatedAt": "2030-01-31T11:00:00.000Z"
  })");
  return made;
}

// Beside the body of an answer.
json::object body_encoding() {
  return {{"type", "string"},
          {"enum", {"base64"}},
          {"description", "there where the body is no UTF-8, and how it is written then"}};
}

json::object execution() {
  Schema schema(Side::kShown);
  model::for_each_field<Execution>([&]<typename F>(const F& field) {
    schema.add(field);
    if constexpr (model::kIs<F, &Execution::last_response_body>) {
      schema.add("lastResponseBodyEncoding", body_encoding(), false);
    }
  });
  return schema.take();
}

json::object response() {
  Schema schema(Side::kShown);
  model::for_each_field<Response>([&]<typename F>(const F& field) {
    schema.add(field);
    if constexpr (model::kIs<F, &Response::body>) {
      schema.add("bodyEncoding", body_encoding(), false);
    }
    if constexpr (model::kIs<F, &Response::status>) {
      schema.add("ok", {{"type", "boolean"}, {"description", "the status is 200 to 299"}}, true);
    }
  });
  return schema.take();
}

json::object log() {
  Schema schema(Side::kShown);
  model::for_each_field<Log>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Log::task>) {
      schema.add_all<TaskKey>();
    } else if constexpr (model::kIs<F, &Log::expires_at>) {
      schema.add(field.name, {{"type", "integer"}, {"description", field.doc}}, false);
    } else {
      schema.add(field);
    }
  });
  return schema.take();
}

json::object test_request() {
  json::object schema = new_request();
  json::object& properties = schema["properties"].as_object();
  json::object& method = properties["method"].as_object();
  method["default"] = to_string(model::default_test_request().method);
  method.erase("description");
  properties["url"].as_object()["description"] =
      "what comes behind the URL of the endpoint, from `/` or `?` on; default nothing";
  properties["body"].as_object()["default"] =
      json::parse(model::default_test_request().body.data());
  schema["description"] = "As of a task that names the endpoint.";
  return schema;
}

json::object new_endpoint() {
  json::object schema = schema_of<Endpoint>(Side::kGiven);
  // The namespace and the name may stand in the path.
  schema["required"] = json::array{"url"};
  schema["description"] =
      "A field that is null counts as not given. What the scheduler sets is passed over.";
  return schema;
}

// Of a JSON Merge Patch.
template <typename T>
json::object changes_of(json::object schema) {
  schema.erase("required");
  json::object& properties = schema["properties"].as_object();
  model::for_each_field<T>([&](const auto& field) {
    if (field.read_only) properties.erase(field.name);
  });
  for (auto& property : properties) {
    json::array either{property.value(), json::object{{"type", "null"}}};
    property.value() = json::object{{"anyOf", std::move(either)}};
  }
  schema["description"] =
      "What is left out stays; null takes it back. What the scheduler sets is refused.";
  return schema;
}

json::object endpoint_changes() {
  json::object schema = changes_of<Endpoint>(new_endpoint());
  schema["properties"].as_object()["headers"] =
      json::object{{"description", "As of an endpoint; null takes one out."}};
  return schema;
}

// Role and namespaces cannot be taken back.
json::object api_key_changes() {
  const json::object given = schema_of<ApiKeySpec>(Side::kGiven);
  json::object schema = changes_of<ApiKeySpec>(given);
  for (const json::value& name : given.at("required").as_array()) {
    schema["properties"].as_object()[name.as_string()] =
        given.at("properties").as_object().at(name.as_string());
  }
  return schema;
}

json::object new_redrive() {
  Schema schema(Side::kGiven);
  model::for_each_field<Redrive>([&](const auto& field) {
    if (!field.read_only) schema.add(field);
  });
  json::object made = schema.take();
  made.erase("required");  // the namespace may stand in the path
  made["description"] = "Which tasks, and how fast. All are optional; null is refused.";
  return made;
}

// What is shown of a secret may stand beside its value, and is passed over.
json::object new_secret() {
  Schema schema(Side::kGiven);
  schema.add_all<NewSecret>();
  model::for_each_field<Secret>([&](const auto& field) {
    if (field.read_only) schema.add(field);
  });
  json::object made = schema.take();
  made["required"] = json::array{"type", "value"};
  made["properties"].as_object()["value"].as_object()["writeOnly"] = true;
  made["description"] =
      "A field that is null counts as not given. What the scheduler sets is passed over.";
  return made;
}

json::object secret_rotation() {
  json::object schema = schema_of<SecretRotation>(Side::kGiven);
  schema["properties"].as_object()["value"].as_object()["writeOnly"] = true;
  return schema;
}

}  // namespace

std::string task_schemas() {
  json::object schemas;
  schemas["Repeat"] = schema_of<Repeat>(Side::kGiven);
  schemas["Schedule"] = schedule();
  schemas["NewRequest"] = new_request();
  schemas["NewTask"] = new_task();
  schemas["Request"] = schema_of<Request>(Side::kShown);
  schemas["Held"] = schema_of<Held>(Side::kShown);
  schemas["Skipped"] = schema_of<Skipped>(Side::kShown);
  schemas["Errors"] = schema_of<Errors>(Side::kShown);
  schemas["Execution"] = execution();
  schemas["Task"] = task();
  schemas["Response"] = response();
  schemas["Log"] = log();
  schemas["NewEndpoint"] = new_endpoint();
  schemas["EndpointChanges"] = endpoint_changes();
  schemas["Endpoint"] = schema_of<Endpoint>(Side::kShown);
  schemas["TestRequest"] = test_request();
  schemas["NewSecret"] = new_secret();
  schemas["SecretRotation"] = secret_rotation();
  schemas["Secret"] = schema_of<Secret>(Side::kShown);
  schemas["NewApiKey"] = schema_of<ApiKeySpec>(Side::kGiven);
  schemas["ApiKeyChanges"] = api_key_changes();
  schemas["ApiKey"] = schema_of<ApiKey>(Side::kShown);
  schemas["CreatedApiKey"] = schema_of<CreatedApiKey>(Side::kShown);
  schemas["NewRedrive"] = new_redrive();
  schemas["Redrive"] = schema_of<Redrive>(Side::kShown);
  return json::serialize(schemas);
}

}  // namespace rhooks::rest
