// Secrets: as they are put, rotated and shown. What is stored of them is in stored.cc.

#include "codec/json_fields.h"
#include "codec/public_json.h"
#include "model/secret.h"

namespace rhooks::codec {
namespace {

void write_secret(JsonWriter& out, const Secret& secret) {
  out.begin_object();
  model::for_each_field<Secret>([&](const auto& field) { write_field(out, field, secret); });
  out.end_object();
}

template <typename T>
Result<std::string> to_given_json(const T& given) {
  JsonWriter out;
  out.begin_object();
  model::for_each_field<T>([&](const auto& field) { write_field(out, field, given); });
  out.end_object();
  return take_exact(out);
}

// What only Secret has, so that what was shown can be put with its value.
void pass_over_what_is_shown(ObjectReader& in) {
  model::for_each_field<Secret>([&](const auto& field) {
    if (field.read_only) in.value(field.name);
  });
}

}  // namespace

Result<NewSecret> parse_new_secret(std::string_view json, std::string_view ns,
                                   std::string_view name) {
  return read_json<NewSecret>(json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
    NewSecret secret;
    ObjectReader in(errors, value, "");
    model::for_each_field<NewSecret>([&]<typename F>(const F& field) {
      if constexpr (model::kIs<F, &SecretSpec::ns>) {
        secret.ns = read_of_call(in, field.name, ns);
      } else if constexpr (model::kIs<F, &SecretSpec::name>) {
        secret.name = read_of_call(in, field.name, name);
      } else {
        read_field(in, field, secret);
      }
    });
    pass_over_what_is_shown(in);
    in.finish();
    return secret;
  });
}

Result<SecretRotation> parse_secret_rotation(std::string_view json) {
  return read_json<SecretRotation>(json, From::kUser,
                                   [](JsonErrors& errors, const JsonValue& value) {
                                     ObjectReader in(errors, value, "");
                                     return read_object<SecretRotation>(in);
                                   });
}

Result<std::string> to_json(const NewSecret& secret) {
  return to_given_json(secret);
}

Result<std::string> to_json(const SecretRotation& rotation) {
  return to_given_json(rotation);
}

std::string to_json(const Secret& secret) {
  JsonWriter out;
  write_secret(out, secret);
  return out.take();
}

std::string to_json(const SecretPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_secret);
}

Result<Secret> parse_secret(std::string_view json) {
  return read_json<Secret>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_fields<Secret>(in);
  });
}

Result<SecretPage> parse_secret_page(std::string_view json) {
  return read_json<SecretPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    SecretPage page;
    ObjectReader in(errors, value, "");
    page.items = read_objects(errors, in, "items", read_fields<Secret>);
    page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return page;
  });
}

}  // namespace rhooks::codec
