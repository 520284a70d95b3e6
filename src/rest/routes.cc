#include "rest/routes.h"

#include <atomic>
#include <memory>
#include <utility>

#include "base/ascii.h"
#include "base/uuid.h"

namespace rhooks::rest {

namespace {

constexpr int kLongCallsMax = 4;

class Slot {
 public:
  explicit Slot(std::atomic<int>& used) : used_(used), taken_(used.fetch_add(1) < kLongCallsMax) {}
  ~Slot() { used_.fetch_sub(1); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool taken() const { return taken_; }

 private:
  std::atomic<int>& used_;
  const bool taken_;
};

}  // namespace

HttpResponse json_response(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

HttpResponse error_response(const Error& error) {
  HttpResponse response =
      problem(codec::http_status(error.code), error.code, error.message, error.field);
  if (response.status == 503) response.headers.push_back({"Retry-After", "1"});
  return response;
}

RouteHandler few_at_once(std::string calls, RouteHandler handler) {
  auto running = std::make_shared<std::atomic<int>>(0);
  return [calls = std::move(calls), handler = std::move(handler), running](
             const HttpRequest& request, const PathParameters& path) {
    const Slot slot(*running);
    if (slot.taken()) return handler(request, path);
    return error_response(
        {ErrorCode::kOverloaded,
         std::to_string(kLongCallsMax) + " " + calls + " are running already; try again later",
         ""});
  };
}

TaskKey key_of(const PathParameters& path) {
  return {path.get("ns"), path.get("id")};
}

Result<std::string> revision_in(const HttpRequest& request, const char* a_kind) {
  const std::string* const header = request.header("If-Match");
  if (const std::string* const none = request.header("If-None-Match")) {
    if (header == nullptr && request.method == "PUT" && trim(*none) == "*") return kIfNone;
    return fail(
        ErrorCode::kInvalidArgument,
        "If-None-Match: must be *, with PUT and without If-Match: it makes what is not there",
        "If-None-Match");
  }
  if (header == nullptr) return std::string();
  std::string_view text = trim(*header);
  if (text.size() > 1 && text.starts_with('"') && text.ends_with('"')) {
    text = text.substr(1, text.size() - 2);
  }
  if (parse_uuid(text)) return std::string(text);
  return fail(ErrorCode::kInvalidArgument,
              std::string("If-Match: must be the revision of ") + a_kind +
                  ", as its ETag or `revision` has it",
              "If-Match");
}

// A precondition that does not hold is 412 (RFC 9110, section 13.1), unless the request would not
// be carried out without it, either: then it is not looked at (13.2.1).
HttpResponse refused(const HttpRequest& request, const Error& error) {
  const bool is_put = request.method == "PUT";
  const bool failed = (error.code == ErrorCode::kConflict && error.field == "revision") ||
                      (error.code == ErrorCode::kNotFound && is_put && error.field.empty());
  for (const char* header : {"If-Match", "If-None-Match"}) {
    if (!failed || request.header(header) == nullptr) continue;
    return problem(412, error.code, error.message, header);
  }
  return error_response(error);
}

ParameterDoc if_match_parameter() {
  return {"If-Match", "The revision that it is about, as ETag has it.", R"({"type":"string"})",
          "header"};
}

ParameterDoc if_none_match_parameter() {
  return {"If-None-Match", "*: only where there is none of that name.",
          R"({"type":"string","enum":["*"]})", "header"};
}

RouteHandler handler_of(Hooks& hooks, CallOnHooks call) {
  return [&hooks, call](const HttpRequest& request, const PathParameters& path) {
    return call(hooks, request, path);
  };
}

ParameterDoc time_parameter(const char* name, const char* description) {
  return {name, description, R"({"type":"string","format":"date-time"})"};
}

std::vector<ParameterDoc> page_parameters() {
  return {
      {"desc", "Descending order.", R"({"type":"boolean","default":false})"},
      {"limit", "The most items of a page.",
       R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"},
      {"startKey", "The lastEvaluatedKey of the page before, with the other parameters unchanged.",
       R"({"type":"string"})"},
  };
}

std::vector<ParameterDoc> limit_parameters() {
  std::vector<ParameterDoc> parameters = page_parameters();
  std::erase_if(parameters, [](const ParameterDoc& p) { return p.name == "desc"; });
  return parameters;
}

std::vector<ParameterDoc> document_page_parameters(const char* whose) {
  std::vector<ParameterDoc> parameters = limit_parameters();
  parameters.insert(parameters.begin(), {"prefix", whose, R"({"type":"string"})"});
  return parameters;
}

}  // namespace rhooks::rest
