// Schedules: as they are given and shown.

#include <array>

#include "codec/json_fields.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

constexpr std::string_view kCron = "cron";
constexpr std::string_view kCronExclusion = "cron:";

// Members whose names are kept for later, and what is to be done meanwhile.
struct Reserved {
  const char* name;
  const char* why;
};
constexpr std::array<Reserved, 3> kReserved{
    {{"dst",
      "is not supported: a local time that a change of the clocks leaves out or repeats "
      "happens once, at the first moment at which the clock has reached it"},
     {"missedMax", "is not supported"},
     {"rrule", "is not supported: use cron, every or at, and exclude"}}};

std::string read_exclusion(ObjectReader& in, const JsonValue& value, const std::string& path) {
  if (value.kind() == JsonKind::kString) return value.string();
  if (value.kind() != JsonKind::kObject) {
    in.errors().add(path, "must be a string, or an object with \"cron\"");
    return {};
  }
  ObjectReader object(in.errors(), value, path);
  std::string cron = object.required(kCron, object.string(kCron));
  object.finish();
  return std::string(kCronExclusion) + cron;
}

}  // namespace

void write_crons(JsonWriter& out, std::string_view name, const std::vector<std::string>& crons) {
  if (crons.size() == 1) return out.string(name, crons.front());
  write_texts(out, name, crons);
}

std::optional<std::vector<std::string>> read_crons(ObjectReader& in, std::string_view name) {
  const auto value = in.value(name);
  if (!value) return std::nullopt;
  if (value->kind() == JsonKind::kString) return std::vector{value->string()};
  if (value->kind() == JsonKind::kArray) return read_texts(in, name);
  in.refuse(name, "must be a string, or an array of strings");
  return std::nullopt;
}

void write_exclusions(JsonWriter& out, std::string_view name,
                      const std::vector<std::string>& exclusions) {
  out.begin_array(name);
  for (const std::string_view one : exclusions) {
    if (!one.starts_with(kCronExclusion)) {
      out.string(one);
      continue;
    }
    out.begin_object();
    out.string(kCron, one.substr(kCronExclusion.size()));
    out.end_object();
  }
  out.end_array();
}

std::optional<std::vector<std::string>> read_exclusions(ObjectReader& in, std::string_view name) {
  const auto elements = in.array(name);
  if (!elements) return std::nullopt;
  std::vector<std::string> exclusions;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    exclusions.push_back(read_exclusion(in, (*elements)[i], json_path(in.path_of(name), i)));
  }
  return exclusions;
}

Schedule read_schedule(ObjectReader& in) {
  Schedule schedule;
  model::for_each_field<Schedule>([&](const auto& field) {
    if (field.read_only && in.from() == From::kUser) {
      in.value(field.name);  // known, and passed over
    } else {
      read_field(in, field, schedule);
    }
  });
  for (const Reserved& reserved : kReserved) {
    if (!in.value(reserved.name)) continue;
    in.errors().add(in.path_of(reserved.name), reserved.why, ErrorCode::kUnsupported);
  }
  in.finish();
  return schedule;
}

Result<Schedule> parse_schedule(std::string_view json) {
  return read_json<Schedule>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "schedule");
    return read_schedule(in);
  });
}

Result<std::string> to_json(const Schedule& schedule) {
  JsonWriter out;
  out.begin_object();
  model::for_each_field<Schedule>([&](const auto& field) { write_field(out, field, schedule); });
  out.end_object();
  return take_exact(out);
}

}  // namespace rhooks::codec
