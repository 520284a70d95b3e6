// Previews: as they are asked for and shown.

#include "codec/json_fields.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

// The task whose jitter it is: both of its names, or none.
std::optional<TaskKey> read_key_if_any(ObjectReader& in) {
  auto ns = in.filled_string("namespace");
  auto id = in.filled_string("id");
  if (!ns && !id) return std::nullopt;
  return TaskKey{in.required("namespace", std::move(ns)), in.required("id", std::move(id))};
}

void write_occurrence(JsonWriter& out, const Occurrence& occurrence) {
  out.begin_object();
  out.time("at", occurrence.at);
  out.string("local", occurrence.local);
  out.time("due", occurrence.due);
  out.string("kind", to_string(occurrence.kind));
  out.end_object();
}

Occurrence read_occurrence(ObjectReader& in) {
  Occurrence occurrence;
  occurrence.at = in.required("at", in.time("at"));
  occurrence.local = in.required("local", in.string("local"));
  occurrence.due = in.time("due");
  occurrence.kind = in.required("kind", in.named("kind", parse_occurrence_kind));
  return occurrence;
}

}  // namespace

Result<PreviewQuery> parse_preview_query(std::string_view json) {
  return read_json<PreviewQuery>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
    PreviewQuery query;
    ObjectReader in(errors, value, "");
    if (auto schedule = in.object("schedule")) query.schedule = read_schedule(*schedule);
    query.scheduled_date = in.time("scheduledDate");
    if (auto repeat = in.object("repeat")) query.repeat = read_object<Repeat>(*repeat);
    query.key = read_key_if_any(in);
    query.range.from = in.time("from");
    query.range.count = in.small_integer("count").value_or(query.range.count);
    in.finish();
    return query;
  });
}

Result<std::string> to_json(const PreviewQuery& query) {
  JsonWriter out;
  out.begin_object();
  write_value(out, "schedule", query.schedule, false);
  out.time("scheduledDate", query.scheduled_date);
  write_value(out, "repeat", query.repeat, false);
  if (query.key) write_key(out, *query.key);
  out.time("from", query.range.from);
  out.integer("count", query.range.count);
  out.end_object();
  return take_exact(out);
}

std::string to_json(const Preview& preview) {
  JsonWriter out;
  out.begin_object();
  out.string("description", preview.description);
  out.string("timezone", preview.timezone);
  out.string_if_any("tzdata", preview.tzdata);
  out.begin_array("occurrences");
  for (const Occurrence& occurrence : preview.occurrences) write_occurrence(out, occurrence);
  out.end_array();
  write_value(out, "remaining", preview.remaining, false);
  out.boolean("more", preview.more);
  out.begin_array("warnings");
  for (const std::string& warning : preview.warnings) out.string(warning);
  out.end_array();
  out.end_object();
  return out.take();
}

Result<Preview> parse_preview(std::string_view json) {
  return read_json<Preview>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    Preview preview;
    ObjectReader in(errors, value, "");
    preview.description = in.required("description", in.string("description"));
    preview.timezone = in.required("timezone", in.string("timezone"));
    preview.tzdata = in.string("tzdata").value_or("");
    preview.occurrences = read_objects(errors, in, "occurrences", read_occurrence);
    preview.remaining = in.integer("remaining");
    preview.more = in.required("more", in.boolean("more"));
    for (const JsonValue& warning : in.required("warnings", in.array("warnings"))) {
      if (warning.kind() == JsonKind::kString) {
        preview.warnings.push_back(warning.string());
      } else {
        in.refuse("warnings", "must be strings");
      }
    }
    return preview;
  });
}

}  // namespace rhooks::codec
