#include "codec/json_parts.h"

#include <unordered_map>

#include "base/base64.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/public_json.h"
#include "model/headers.h"
#include "model/limits.h"

namespace rhooks::codec {

void write_headers(JsonWriter& out, std::string_view name, const std::vector<Header>& headers) {
  // A name must stand once in an object. Names are compared as they are shown.
  std::vector<std::pair<std::string, std::vector<std::string_view>>> grouped;
  std::unordered_map<std::string, std::size_t> places;
  for (const Header& header : headers) {
    std::string shown = to_utf8(header.name);
    if (shown != header.name) out.set_inexact();
    const auto [place, is_new] = places.emplace(shown, grouped.size());
    if (is_new) grouped.emplace_back(std::move(shown), std::vector<std::string_view>());
    grouped[place->second].second.push_back(header.value);
  }

  out.begin_object(name);
  for (const auto& [header, values] : grouped) {
    if (values.size() == 1) {
      out.string(header, values.front());
      continue;
    }
    out.begin_array(header);
    for (const std::string_view value : values) out.string(value);
    out.end_array();
  }
  out.end_object();
}

namespace {

// One header, with its values.
void read_header(ObjectReader& headers, const JsonMember& member, std::vector<Header>& into) {
  if (member.value.kind() == JsonKind::kString) {
    into.push_back({member.name, member.value.string()});
    return;
  }
  if (member.value.kind() != JsonKind::kArray) {
    headers.refuse(member.name, "must be a string, or an array of strings");
    return;
  }
  const auto values = member.value.elements();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind() == JsonKind::kString) {
      into.push_back({member.name, values[i].string()});
    } else {
      headers.errors().add(json_path(headers.path_of(member.name), i), "must be a string");
    }
  }
}

}  // namespace

std::vector<Header> read_headers(ObjectReader& in, std::string_view name) {
  std::vector<Header> headers;
  auto object = in.object(name);
  if (!object) return headers;
  for (const JsonMember& member : object->all()) read_header(*object, member, headers);
  return headers;
}

void read_header_changes(ObjectReader& in, std::string_view name, std::vector<Header>& headers) {
  auto object = in.object(name);
  if (!object) {
    if (in.is_null(name)) headers.clear();
    return;
  }
  std::vector<Header> given;
  for (const JsonMember& member : object->all()) {
    if (member.value.kind() == JsonKind::kNull) {
      model::remove_header(headers, member.name);
    } else {
      read_header(*object, member, given);
    }
  }
  headers = model::merged(std::move(headers), given);
}

void write_lengths(JsonWriter& out, std::string_view name,
                   const std::vector<std::chrono::milliseconds>& lengths) {
  out.begin_array(name);
  for (const std::chrono::milliseconds length : lengths) out.string(format_duration(length));
  out.end_array();
}

std::optional<std::vector<std::chrono::milliseconds>> read_lengths(ObjectReader& in,
                                                                   std::string_view name) {
  const auto elements = in.array(name);
  if (!elements) return std::nullopt;
  std::vector<std::chrono::milliseconds> lengths;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const JsonValue& element = (*elements)[i];
    const auto length = element.kind() == JsonKind::kString
                            ? parse_duration(element.string())
                            : fail(ErrorCode::kInvalidArgument, "must be a string");
    if (!length) {
      in.errors().add(json_path(in.path_of(name), i), length.error().message);
      return std::nullopt;
    }
    lengths.push_back(*length);
  }
  if (!lengths.empty()) return lengths;
  in.refuse(name, "must have at least one");
  return std::nullopt;
}

void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.begin_array(name);
  for (const std::string& text : texts) out.string(text);
  out.end_array();
}

std::optional<std::vector<std::string>> read_texts(ObjectReader& in, std::string_view name) {
  const auto elements = in.array(name);
  if (!elements) return std::nullopt;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const JsonValue& element = (*elements)[i];
    if (element.kind() != JsonKind::kString) {
      in.errors().add(json_path(in.path_of(name), i), "must be a string");
      return std::nullopt;
    }
    texts.push_back(element.string());
  }
  if (!texts.empty()) return texts;
  in.refuse(name, "must have at least one");
  return std::nullopt;
}

void write_body(JsonWriter& out, const Body& body) {
  if (body.kind() == Body::Kind::kText) out.string("body", body.data());
  if (body.kind() != Body::Kind::kJson) return;
  // Nothing that is not JSON was taken in, but one wrong body must not spoil a whole page.
  const auto value = check_json(body);
  if (!value) {
    out.string("body", body.data());
    out.set_inexact();
    return;
  }
  out.name("body");
  out.raw(value->raw());
}

std::optional<Body> read_body(ObjectReader& in) {
  const auto value = in.value("body");
  if (!value) return std::nullopt;
  // One that is too long is refused for that; a search in it would only take time and memory.
  if (value->kind() != JsonKind::kString && value->raw().size() > model::kBodyBytesMax) {
    return Body::json(std::string(value->raw()));
  }
  const auto body = check_as_body(*value, in.path_of("body"));
  if (body) return body->body();
  in.errors().add(body.error().path, body.error().message);
  return std::nullopt;
}

namespace {

constexpr std::string_view kEncodingSuffix = "Encoding";
constexpr std::string_view kBase64 = "base64";

// What is cut may end within a character.
bool is_text(std::string_view bytes) {
  constexpr std::size_t kCharacterBytesMax = 4;
  if (is_utf8(bytes)) return true;
  if (bytes.size() != model::kResponseBodyBytesMax) return false;
  for (std::size_t missing = 1; missing < kCharacterBytesMax; ++missing) {
    const auto last = static_cast<unsigned char>(bytes[bytes.size() - missing]);
    const bool begins_a_character = last >= 0xc2 && last <= 0xf4;
    if (begins_a_character) return is_utf8(bytes.substr(0, bytes.size() - missing));
  }
  return false;
}

}  // namespace

void write_received(JsonWriter& out, std::string_view name, std::string_view bytes) {
  if (is_text(bytes)) return out.string(name, bytes);
  out.string(name, to_base64(bytes));
  out.string(std::string(name).append(kEncodingSuffix), kBase64);
}

std::string read_received(ObjectReader& in, std::string_view name) {
  std::string text = in.string(name).value_or("");
  const std::string encoding_name = std::string(name).append(kEncodingSuffix);
  const auto encoding = in.string(encoding_name);
  if (!encoding) return text;
  if (*encoding != kBase64) {
    in.refuse(encoding_name, "is " + quote(*encoding) + "; only base64 is known");
    return {};
  }
  auto bytes = from_base64(text);
  if (!bytes) in.refuse(name, "is not base64");
  return std::move(bytes).value_or("");
}

std::string read_of_call(ObjectReader& in, std::string_view name, std::string_view of_call) {
  const auto given = in.string(name);
  if (of_call.empty()) return in.required(name, given);
  if (given && *given != of_call) {
    in.refuse(name, quote(*given) + " is not " + quote(of_call) + ", the " + std::string(name) +
                        " of the call");
  }
  return std::string(of_call);
}

Result<std::string> take_exact(JsonWriter& out) {
  if (out.exact()) return out.take();
  return fail(ErrorCode::kInvalidArgument,
              "this cannot be sent as JSON: it holds bytes that are not UTF-8, or a JSON body "
              "that is not JSON");
}

void write_key(JsonWriter& out, const TaskKey& key) {
  out.string("namespace", key.ns);
  out.string("id", key.id);
}

TaskKey read_key(ObjectReader& in) {
  TaskKey key;
  key.ns = in.required("namespace", in.string("namespace"));
  key.id = in.required("id", in.string("id"));
  return key;
}

}  // namespace rhooks::codec
