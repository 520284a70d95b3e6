#include "store/dynamo/service_answer.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <initializer_list>

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

// Items nest 32 deep, each level in two objects of JSON.
constexpr std::size_t kDepthMax = 128;
constexpr std::size_t kMessageBytesMax = 512;
constexpr std::size_t kReasonsMax = 8;

bool is_one_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string string_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  const json::string* const text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

// It comes from outside and goes into messages and logs.
std::string one_line(std::string text) {
  if (text.size() > kMessageBytesMax) text.resize(kMessageBytesMax);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

// "com.amazonaws.dynamodb.v20120810#ThrottlingException"; some add ":" and an address.
std::string type_of(const json::object& error) {
  std::string type = string_of(error, "__type");
  type.erase(0, type.rfind('#') == type.npos ? 0 : type.rfind('#') + 1);
  if (const auto colon = type.find(':'); colon != type.npos) type.resize(colon);
  return one_line(std::move(type));
}

Meaning meaning_of(int status, std::string_view type) {
  if (status >= 500) return Meaning::kServerError;
  // LimitExceededException: too many tables are being changed at once.
  if (status == 429 ||
      is_one_of(type, {"ProvisionedThroughputExceededException", "ThrottlingException",
                       "RequestLimitExceeded", "LimitExceededException", "Throttling",
                       "TransactionConflictException", "ReplicatedWriteConflictException"})) {
    return Meaning::kThrottled;
  }
  if (type.empty()) return status == 413 ? Meaning::kMalformed : Meaning::kForeign;
  if (is_one_of(type, {"ConditionalCheckFailedException", "ResourceNotFoundException",
                       "ResourceInUseException", "UnknownOperationException"})) {
    return Meaning::kOutcome;
  }
  if (is_one_of(type,
                {"InvalidSignatureException", "IncompleteSignatureException",
                 "MissingAuthenticationTokenException", "MissingAuthenticationToken",
                 "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException",
                 "ExpiredToken", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
                 "InvalidAccessKeyId", "AuthFailure"})) {
    return Meaning::kRefused;
  }
  if (is_one_of(type, {"AccessDeniedException", "AccessDenied", "NotAuthorized",
                       "UnauthorizedOperation", "OptInRequired"})) {
    return Meaning::kDenied;
  }
  if (is_one_of(type, {"ValidationException", "SerializationException", "ValidationError"})) {
    return Meaning::kMalformed;
  }
  return Meaning::kRejected;
}

void add_capacity(const json::value& value, std::vector<ConsumedCapacity>& found) {
  const json::object* const object = value.if_object();
  const json::value* const units = object ? object->if_contains("CapacityUnits") : nullptr;
  if (!units || !units->is_number()) return;
  const double number = units->to_number<double>();
  if (std::isfinite(number) && number > 0)
    found.push_back({string_of(*object, "TableName"), number});
}

}  // namespace

ServiceAnswer read_answer(int status, std::string_view body) {
  ServiceAnswer answer;
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  json::value value = json::parse(json::string_view(body.data(), body.size()), error, {}, options);
  const bool is_object = !error && value.is_object();
  if (is_object) answer.body = std::move(value.as_object());
  if (status >= 200 && status < 300) {
    answer.meaning = status == 200 && is_object ? Meaning::kDone : Meaning::kUnreadable;
    return answer;
  }
  answer.type = type_of(answer.body);
  answer.message = string_of(answer.body, "message");
  if (answer.message.empty()) answer.message = string_of(answer.body, "Message");
  answer.message = one_line(std::move(answer.message));
  answer.meaning = meaning_of(status, answer.type);
  return answer;
}

std::string throttling_reasons(const json::object& error) {
  const json::value* value = error.if_contains("ThrottlingReasons");
  if (!value) value = error.if_contains("throttlingReasons");
  const json::array* const list = value ? value->if_array() : nullptr;
  if (!list) return {};
  std::string text;
  std::size_t count = 0;
  for (const json::value& entry : *list) {
    const json::object* const reason = entry.if_object();
    if (!reason || ++count > kReasonsMax) continue;
    if (!text.empty()) text += ", ";
    text += string_of(*reason, "reason") + " " + string_of(*reason, "resource");
  }
  return one_line(std::move(text));
}

std::vector<ConsumedCapacity> consumed_capacity(const json::object& answer) {
  std::vector<ConsumedCapacity> found;
  const json::value* const value = answer.if_contains("ConsumedCapacity");
  if (!value) return found;
  if (const json::array* const list = value->if_array()) {
    for (const json::value& entry : *list) add_capacity(entry, found);
  } else {
    add_capacity(*value, found);
  }
  return found;
}

bool crc32_fits(std::string_view header, std::string_view body) {
  if (header.empty()) return true;
  std::uint32_t expected = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), expected);
  if (error != std::errc() || end != header.data() + header.size()) return false;
  // The CRC-32 of ISO 3309, as in zlib and Ethernet.
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t entry = i;
      for (int bit = 0; bit < 8; ++bit) entry = (entry >> 1) ^ (entry & 1 ? 0xEDB88320u : 0u);
      entries[i] = entry;
    }
    return entries;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : body) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return (crc ^ 0xFFFFFFFFu) == expected;
}

}  // namespace rhooks::store::dynamo
