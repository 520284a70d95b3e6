// Endpoints: as they are put, changed, shown, stored and tested.

#include "codec/json_fields.h"
#include "codec/public_json.h"
#include "model/endpoint.h"

namespace rhooks::codec {
namespace {

// Whether the row is of what a document has besides its data, or of what nobody stores.
template <typename F>
constexpr bool kNoData = model::kIs<F, &Endpoint::ns> || model::kIs<F, &Endpoint::name> ||
                         model::kIs<F, &Endpoint::revision> ||
                         model::kIs<F, &Endpoint::updated_at> || model::kIs<F, &Endpoint::held>;

template <typename Shown>
void write_endpoint_fields(JsonWriter& out, const Endpoint& endpoint, Shown shown) {
  out.begin_object();
  model::for_each_field<Endpoint>([&](const auto& field) {
    if (shown(field)) write_field(out, field, endpoint);
  });
  out.end_object();
}

void write_endpoint(JsonWriter& out, const Endpoint& endpoint) {
  write_endpoint_fields(out, endpoint, [](const auto&) { return true; });
}

// What the call says of it. False: the field is none of these.
template <typename F>
bool read_name(ObjectReader& in, const F& field, Endpoint& endpoint) {
  if constexpr (model::kIs<F, &Endpoint::ns> || model::kIs<F, &Endpoint::name>) {
    std::string& named = endpoint.*F::kMember;
    named = read_of_call(in, field.name, named);
    return true;
  }
  return false;
}

template <typename F>
void read_given(ObjectReader& in, const F& field, Endpoint& endpoint) {
  if (field.read_only) {
    in.value(field.name);  // known, and passed over: what was shown can be put
  } else {
    read_field(in, field, endpoint);
  }
}

}  // namespace

Result<Endpoint> parse_new_endpoint(std::string_view json, std::string_view ns,
                                    std::string_view name) {
  return read_json<Endpoint>(json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
    Endpoint endpoint;
    endpoint.ns = ns;
    endpoint.name = name;
    ObjectReader in(errors, value, "");
    model::for_each_field<Endpoint>([&](const auto& field) {
      if (!read_name(in, field, endpoint)) read_given(in, field, endpoint);
    });
    in.finish();
    return endpoint;
  });
}

Result<Endpoint> parse_endpoint_changes(std::string_view json, Endpoint endpoint) {
  return read_json<Endpoint>(json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    model::for_each_field<Endpoint>([&](const auto& field) {
      if (!read_name(in, field, endpoint)) read_change(in, field, endpoint);
    });
    // What means nothing without another member goes with that.
    if (in.is_null("callback") && !in.value("callbackOn")) endpoint.callback_on.clear();
    if (in.is_null("rate") && !in.value("burst")) endpoint.burst.reset();
    in.finish();
    return std::move(endpoint);
  });
}

Result<std::string> to_put_json(const Endpoint& endpoint) {
  JsonWriter out;
  write_endpoint_fields(out, endpoint, [](const auto& field) { return !field.read_only; });
  return take_exact(out);
}

Result<Request> parse_test_request(std::string_view json) {
  if (json.empty()) json = "{}";
  return read_json<Request>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
    Request request = model::default_test_request();
    ObjectReader in(errors, value, "");
    model::for_each_field<Request>([&](const auto& field) { read_field(in, field, request); });
    if (in.is_null("body")) request.body = {};
    in.finish();
    return request;
  });
}

Result<std::string> to_test_json(const Request& request) {
  JsonWriter out;
  out.begin_object();
  model::for_each_field<Request>([&](const auto& field) { write_field(out, field, request); });
  if (request.body.kind() == Body::Kind::kNone) {
    out.name("body");
    out.raw("null");
  }
  out.end_object();
  return take_exact(out);
}

std::string to_json(const Endpoint& endpoint) {
  JsonWriter out;
  write_endpoint(out, endpoint);
  return out.take();
}

std::string to_json(const EndpointPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_endpoint);
}

Result<Endpoint> parse_endpoint(std::string_view json) {
  return read_json<Endpoint>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_fields<Endpoint>(in);
  });
}

Result<EndpointPage> parse_endpoint_page(std::string_view json) {
  return read_json<EndpointPage>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        EndpointPage page;
        ObjectReader in(errors, value, "");
        page.items = read_objects(errors, in, "items", read_fields<Endpoint>);
        page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
        return page;
      });
}

std::string to_stored_json(const Endpoint& endpoint) {
  JsonWriter out;
  write_endpoint_fields(out, endpoint, []<typename F>(const F&) { return !kNoData<F>; });
  return out.take();
}

Result<Endpoint> parse_stored_endpoint(std::string_view json) {
  auto endpoint =
      read_json<Endpoint>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
        Endpoint read;
        ObjectReader in(errors, value, "");
        model::for_each_field<Endpoint>([&]<typename F>(const F& field) {
          if constexpr (!kNoData<F>) read_field(in, field, read);
        });
        return read;
      });
  if (!endpoint) return fail(ErrorCode::kCorrupt, endpoint.error().message);
  return endpoint;
}

}  // namespace rhooks::codec
