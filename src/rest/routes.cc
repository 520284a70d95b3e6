#include "rest/routes.h"

namespace rhooks::rest {

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
