// Logs as they are shown.

#include "base/clock.h"
#include "codec/json_fields.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

void write_response(JsonWriter& out, std::string_view name, const Response& response) {
  out.begin_object(name);
  model::for_each_field<Response>([&]<typename F>(const F& field) {
    write_field(out, field, response);
    if constexpr (model::kIs<F, &Response::status>) out.boolean("ok", response.ok());
  });
  out.end_object();
}

void write_log(JsonWriter& out, const Log& log) {
  out.begin_object();
  model::for_each_field<Log>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Log::task>) {
      model::for_each_field<TaskKey>([&](const auto& part) { write_field(out, part, log.task); });
    } else if constexpr (model::kIs<F, &Log::response>) {
      if (log.response) write_response(out, field.name, *log.response);
    } else if constexpr (model::kIs<F, &Log::expires_at>) {
      if (!log.expires_at) return;
      // Rounded up: a log is there until then at least.
      const auto ttl = std::chrono::ceil<std::chrono::seconds>(*log.expires_at);
      out.integer(field.name, ttl.time_since_epoch().count());
    } else {
      write_field(out, field, log);
    }
  });
  out.end_object();
}

std::optional<TimePoint> read_ttl(ObjectReader& in, std::string_view name) {
  const auto seconds = in.integer(name);
  if (!seconds) return std::nullopt;
  if (*seconds < 0 || *seconds > to_millis(kTimeMax) / 1000 + 1) {
    in.refuse(name, "is out of range");
    return std::nullopt;
  }
  return from_millis(*seconds * 1000);
}

Log read_log(ObjectReader& in) {
  Log log;
  model::for_each_field<Log>([&]<typename F>(const F& field) {
    if constexpr (model::kIs<F, &Log::task>) {
      log.task = read_fields<TaskKey>(in);
    } else if constexpr (model::kIs<F, &Log::request>) {
      log.request = in.required(field.name, read_as<Request>(in, field));
    } else if constexpr (model::kIs<F, &Log::expires_at>) {
      log.expires_at = read_ttl(in, field.name);
    } else {
      read_field(in, field, log);
    }
  });
  return log;
}

}  // namespace

std::string to_json(const Log& log) {
  JsonWriter out;
  write_log(out, log);
  return out.take();
}

std::string to_json(const LogPage& page) {
  return write_page(page.items, page.last_evaluated_key, write_log);
}

Result<Log> parse_log(std::string_view json) {
  return read_json<Log>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_log(in);
  });
}

Result<LogPage> parse_log_page(std::string_view json) {
  return read_json<LogPage>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    LogPage page;
    ObjectReader in(errors, value, "");
    page.items =
        read_objects(errors, in, "items", [&](ObjectReader& item) { return read_log(item); });
    page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return page;
  });
}

}  // namespace rhooks::codec
