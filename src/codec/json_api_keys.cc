// API keys: as they are asked for, changed and shown. What is stored of them is in stored.cc.

#include "codec/json_fields.h"
#include "codec/public_json.h"
#include "model/api_key.h"

namespace rhooks::codec {
namespace {

template <typename T>
void write_api_key(JsonWriter& out, const T& key) {
  out.begin_object();
  model::for_each_field<T>([&](const auto& field) { write_field(out, field, key); });
  out.end_object();
}

template <typename T>
Result<T> parse_shown(std::string_view json) {
  return read_json<T>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_fields<T>(in);
  });
}

}  // namespace

Result<ApiKeySpec> parse_new_api_key(std::string_view json) {
  return read_json<ApiKeySpec>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_object<ApiKeySpec>(in);
  });
}

Result<ApiKeySpec> parse_api_key_changes(std::string_view json, ApiKeySpec key) {
  return read_json<ApiKeySpec>(json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    model::for_each_field<ApiKey>([&]<typename F>(const F& field) {
      if constexpr (std::is_same_v<typename F::Owner, ApiKeySpec>) {
        read_change(in, field, key);
      } else {
        refuse_change(in, field);
      }
    });
    in.finish();
    return std::move(key);
  });
}

Result<std::string> to_json(const ApiKeySpec& key) {
  JsonWriter out;
  write_api_key(out, key);
  return take_exact(out);
}

Result<std::string> to_changes_json(const ApiKeySpec& key) {
  JsonWriter out;
  out.begin_object();
  model::for_each_field<ApiKeySpec>([&](const auto& field) {
    if (field.required || !model::is_default(field, key.*field.kMember)) {
      write_field(out, field, key);
    } else {
      out.name(field.name);
      out.raw("null");
    }
  });
  out.end_object();
  return take_exact(out);
}

std::string to_json(const ApiKey& key) {
  JsonWriter out;
  write_api_key(out, key);
  return out.take();
}

std::string to_json(const CreatedApiKey& key) {
  JsonWriter out;
  write_api_key(out, key);
  return out.take();
}

std::string to_json(const ApiKeyPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_api_key<ApiKey>);
}

Result<ApiKey> parse_api_key(std::string_view json) {
  return parse_shown<ApiKey>(json);
}

Result<CreatedApiKey> parse_created_api_key(std::string_view json) {
  return parse_shown<CreatedApiKey>(json);
}

Result<ApiKeyPage> parse_api_key_page(std::string_view json) {
  return read_json<ApiKeyPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ApiKeyPage page;
    ObjectReader in(errors, value, "");
    page.items = read_objects(errors, in, "items", read_fields<ApiKey>);
    page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return page;
  });
}

}  // namespace rhooks::codec
