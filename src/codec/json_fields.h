#pragma once

#include <string>
#include <vector>

#include "base/duration.h"
#include "codec/json_parts.h"
#include "codec/public_json.h"
#include "model/fields.h"
#include "model/status_set.h"

// Objects of the public JSON by the rows of model/fields.h. Internal to the codec.
namespace rhooks::codec {

template <model::HasFields T>
void write_object(JsonWriter& out, std::string_view name, const T& object);
template <model::HasFields T>
T read_object(ObjectReader& in);

// Members. What is empty is left out where `always` is false.
inline void write_value(JsonWriter& out, std::string_view name, const std::string& text,
                        bool always) {
  if (always || !text.empty()) out.string(name, text);
}
template <std::integral N>
void write_value(JsonWriter& out, std::string_view name, N number, bool) {
  out.integer(name, number);
}
inline void write_value(JsonWriter& out, std::string_view name, bool flag, bool) {
  out.boolean(name, flag);
}
inline void write_value(JsonWriter& out, std::string_view name, TimePoint t, bool) {
  out.time(name, t);
}
inline void write_value(JsonWriter& out, std::string_view name, std::chrono::milliseconds length,
                        bool) {
  out.string(name, format_duration(length));
}
inline void write_value(JsonWriter& out, std::string_view name, const Rate& rate, bool) {
  out.string(name, format_rate(rate));
}
inline void write_value(JsonWriter& out, std::string_view name, std::chrono::microseconds length,
                        bool) {
  out.milliseconds(name, length);
}
template <typename E>
requires std::is_enum_v<E>
void write_value(JsonWriter& out, std::string_view name, E value, bool) {
  out.string(name, to_string(value));
}
inline void write_value(JsonWriter& out, std::string_view name, const std::vector<Header>& headers,
                        bool always) {
  if (always || !headers.empty()) write_headers(out, name, headers);
}
inline void write_value(JsonWriter& out, std::string_view name,
                        const std::vector<std::chrono::milliseconds>& lengths, bool) {
  if (!lengths.empty()) write_lengths(out, name, lengths);
}
inline void write_value(JsonWriter& out, std::string_view name,
                        const std::vector<std::string>& texts, bool) {
  if (!texts.empty()) write_texts(out, name, texts);
}
inline void write_value(JsonWriter& out, std::string_view name, const StatusSet& statuses, bool) {
  out.string_if_any(name, model::format_status_set(statuses));
}
inline void write_value(JsonWriter& out, std::string_view, const Body& body, bool) {
  write_body(out, body);
}
template <model::HasFields T>
void write_value(JsonWriter& out, std::string_view name, const T& object, bool) {
  write_object(out, name, object);
}
template <typename T>
void write_value(JsonWriter& out, std::string_view name, const std::optional<T>& value,
                 bool always) {
  if (value) write_value(out, name, *value, always);
}

template <typename T>
bool shown_if_empty(const T&) {
  return false;
}
inline bool shown_if_empty(const Request&) {
  return true;
}
inline bool shown_if_empty(const Response&) {
  return true;
}
// A response has a body and headers, if only empty ones.
inline bool shown_if_empty(const Execution& execution) {
  return execution.last_response_status.has_value();
}

// Expressions of cron and what is left out have forms of their own (json_schedule.cc).
template <typename F>
inline constexpr bool kIsCrons = model::kIs<F, &Schedule::cron>;
template <typename F>
inline constexpr bool kIsExclusions = model::kIs<F, &Schedule::exclude>;

// What a receiver answered, which may be any bytes.
template <typename F>
inline constexpr bool kIsReceived =
    model::kIs<F, &Response::body> || model::kIs<F, &Execution::last_response_body>;

// The namespace of what is registered may stand in the path, and its URL be that of an endpoint.
template <typename F>
inline constexpr bool kStandsElsewhere =
    model::kIs<F, &NewTask::ns> || model::kIs<F, &Request::url>;

template <typename F, typename T>
void write_field(JsonWriter& out, const F& field, const T& object) {
  if constexpr (model::kHidesDefault<F>) {
    if (model::is_default(field, object.*F::kMember)) return;
  }
  if constexpr (kIsCrons<F>) return write_crons(out, field.name, object.*F::kMember);
  if constexpr (kIsExclusions<F>) return write_exclusions(out, field.name, object.*F::kMember);
  const bool always = field.required || field.in_answers || shown_if_empty(object);
  if constexpr (kIsReceived<F>) {
    const std::string& bytes = object.*F::kMember;
    if (always || !bytes.empty()) write_received(out, field.name, bytes);
    return;
  }
  write_value(out, field.name, object.*F::kMember, always && !kStandsElsewhere<F>);
}

template <model::HasFields T>
void write_object(JsonWriter& out, std::string_view name, const T& object) {
  out.begin_object(name);
  model::for_each_field<T>([&](const auto& field) { write_field(out, field, object); });
  out.end_object();
}

template <typename F>
constexpr IntegerLimits limits_of(const F& field) {
  const model::Range range = model::range_of(field);
  return {range.min, range.max};
}

// A member. None: it is not there, or null, or not what it has to be (which the reader refuses).
template <typename T, typename F>
std::optional<T> read_as(ObjectReader& in, const F& field) {
  std::string_view name = field.name;
  if constexpr (kIsCrons<F>) {
    return read_crons(in, name);
  } else if constexpr (kIsExclusions<F>) {
    return read_exclusions(in, name);
  } else if constexpr (std::is_same_v<T, std::string>) {
    // What a user leaves out says something else than an empty text would.
    const bool any = field.required || in.from() == From::kServer;
    return any ? in.string(name) : in.filled_string(name);
  } else if constexpr (std::is_same_v<T, int>) {
    return in.small_integer(name, limits_of(field));
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return in.integer(name, limits_of(field));
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.boolean(name);
  } else if constexpr (std::is_same_v<T, TimePoint>) {
    return in.time(name);
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    return in.named(name, parse_duration);
  } else if constexpr (std::is_same_v<T, Rate>) {
    return in.named(name, parse_rate);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    return in.milliseconds(name);
  } else if constexpr (std::is_same_v<T, RedriveState>) {
    return in.named(name, parse_redrive_state);
  } else if constexpr (std::is_same_v<T, SecretType>) {
    return in.named(name, parse_secret_type);
  } else if constexpr (std::is_same_v<T, Role>) {
    return in.named(name, parse_role);
  } else if constexpr (std::is_same_v<T, Method>) {
    return in.named(name, parse_method);
  } else if constexpr (std::is_same_v<T, Status>) {
    return in.named(name, parse_status);
  } else if constexpr (std::is_same_v<T, LogStatus>) {
    return in.named(name, parse_log_status);
  } else if constexpr (std::is_same_v<T, Missed>) {
    return in.named(name, parse_missed);
  } else if constexpr (std::is_same_v<T, Overlap>) {
    return in.named(name, parse_overlap);
  } else if constexpr (std::is_same_v<T, RepeatUnit>) {
    return in.named(name, parse_repeat_unit);
  } else if constexpr (std::is_same_v<T, std::vector<Header>>) {
    return in.value(name) ? std::optional(read_headers(in, name)) : std::nullopt;
  } else if constexpr (std::is_same_v<T, std::vector<std::chrono::milliseconds>>) {
    return read_lengths(in, name);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return read_texts(in, name);
  } else if constexpr (std::is_same_v<T, StatusSet>) {
    return in.named(name, model::parse_status_set);
  } else if constexpr (std::is_same_v<T, Body>) {
    return read_body(in);
  } else if constexpr (std::is_same_v<T, Schedule>) {
    auto object = in.object(name);
    return object ? std::optional(read_schedule(*object)) : std::nullopt;
  } else {
    auto object = in.object(name);
    return object ? std::optional(read_object<T>(*object)) : std::nullopt;
  }
}

template <typename F, typename T>
void read_field(ObjectReader& in, const F& field, T& object) {
  if constexpr (kIsReceived<F>) {
    object.*F::kMember = read_received(in, field.name);
    return;
  }
  auto value = read_as<model::Bare<typename F::Value>>(in, field);
  if (field.required || (field.in_answers && in.from() == From::kServer)) {
    object.*F::kMember = in.required(field.name, std::move(value));
  } else if (value) {
    object.*F::kMember = std::move(*value);
  }
}

// Of a JSON Merge Patch (RFC 7396): whoever gives what the scheduler sets means something by it.
template <typename F>
void refuse_change(ObjectReader& in, const F& field) {
  if (!in.has(field.name)) return;
  in.refuse(field.name, std::string("is set by the scheduler; ") +
                            (field.instead != nullptr ? field.instead : "leave it out"));
}

// And what it makes of a field: null takes it back, and what is left out stays.
template <typename F, typename T>
void read_change(ObjectReader& in, const F& field, T& object) {
  using Value = typename F::Value;
  if (field.read_only) {
    refuse_change(in, field);
  } else if constexpr (std::is_same_v<Value, std::vector<Header>>) {
    read_header_changes(in, field.name, object.*F::kMember);
  } else if (auto value = read_as<model::Bare<Value>>(in, field)) {
    object.*F::kMember = std::move(*value);
  } else if (in.is_null(field.name)) {
    if (std::is_enum_v<Value> && field.required) {
      in.refuse(field.name, "cannot be taken back; leave it out, or give another one");
    } else {
      object.*F::kMember = T{}.*F::kMember;
    }
  }
}

template <model::HasFields T>
T read_fields(ObjectReader& in) {
  T object;
  model::for_each_field<T>([&](const auto& field) { read_field(in, field, object); });
  return object;
}

template <model::HasFields T>
T read_object(ObjectReader& in) {
  T object = read_fields<T>(in);
  in.finish();
  return object;
}

}  // namespace rhooks::codec
