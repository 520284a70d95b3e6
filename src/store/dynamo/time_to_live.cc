#include "store/dynamo/time_to_live.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

struct State {
  std::string status;  // "ENABLED", "ENABLING", "DISABLED", "DISABLING"
  std::string attribute;
};

State read_state(const Reply& described) {
  const json::value* const value = described.body.if_contains("TimeToLiveDescription");
  const json::object* const description = value ? value->if_object() : nullptr;
  const auto text = [&](std::string_view name) {
    const json::value* const found = description ? description->if_contains(name) : nullptr;
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  return {text("TimeToLiveStatus"), text("AttributeName")};
}

// Why the answer tells nothing; empty: it does.
std::string failure(const Result<Reply>& described) {
  if (!described) return described.error().message;
  return described->ok() ? std::string() : "DynamoDB answered " + described->error;
}

}  // namespace

std::string time_to_live_trouble(const Result<Reply>& described) {
  if (auto failed = failure(described); !failed.empty()) return failed;
  const State state = read_state(*described);
  if (state.status != "ENABLED" && state.status != "ENABLING") return "it is off";
  return state.attribute == kTtlAttribute ? "" : "it is on attribute '" + state.attribute + "'";
}

std::string time_to_live_text(const Result<Reply>& described) {
  if (auto failed = failure(described); !failed.empty()) return "not known: " + failed;
  const State state = read_state(*described);
  if (state.status.empty()) return "DISABLED";
  return state.attribute.empty() ? state.status : state.status + " on " + state.attribute;
}

}  // namespace rhooks::store::dynamo
