// Backfills: as they are asked for and answered.

#include "codec/json_fields.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

void write_backfilled(JsonWriter& out, const Backfilled& one) {
  out.begin_object();
  out.string("id", one.id);
  out.time("scheduledDate", one.scheduled_date);
  out.boolean("created", one.created);
  out.end_object();
}

Backfilled read_backfilled(ObjectReader& in) {
  Backfilled one;
  one.id = in.required("id", in.string("id"));
  one.scheduled_date = in.required("scheduledDate", in.time("scheduledDate"));
  one.created = in.required("created", in.boolean("created"));
  return one;
}

}  // namespace

Result<BackfillQuery> parse_backfill_query(std::string_view json, const TaskKey& key) {
  return read_json<BackfillQuery>(
      json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
        BackfillQuery query;
        ObjectReader in(errors, value, "");
        in.refuse_nulls();
        query.key = key;
        query.from = in.required("from", in.time("from"));
        query.to = in.required("to", in.time("to"));
        query.chunk_limit = in.small_integer("chunkLimit").value_or(query.chunk_limit);
        query.dry_run = in.boolean("dryRun").value_or(false);
        in.finish();
        return query;
      });
}

std::string to_json(const BackfillQuery& query) {
  JsonWriter out;
  out.begin_object();
  out.time("from", query.from);
  out.time("to", query.to);
  out.integer("chunkLimit", query.chunk_limit);
  out.boolean("dryRun", query.dry_run);
  out.end_object();
  return out.take();
}

std::string to_json(const BackfillResult& result) {
  JsonWriter out;
  out.begin_object();
  out.begin_array("items");
  for (const Backfilled& one : result.items) write_backfilled(out, one);
  out.end_array();
  out.time("next", result.next);
  out.end_object();
  return out.take();
}

Result<BackfillResult> parse_backfill_result(std::string_view json) {
  return read_json<BackfillResult>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        BackfillResult result;
        ObjectReader in(errors, value, "");
        result.items = read_objects(errors, in, "items", read_backfilled);
        result.next = in.time("next");
        return result;
      });
}

}  // namespace rhooks::codec
