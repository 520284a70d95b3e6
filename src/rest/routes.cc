#include "rest/routes.h"

#include <atomic>
#include <memory>
#include <utility>

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

}  // namespace rhooks::rest
