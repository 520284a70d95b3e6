// What the calls on many tasks take and answer.

#include <algorithm>

#include "codec/json_parts.h"
#include "codec/public_json.h"
#include "model/limits.h"

namespace rhooks::codec {

Result<ManyQuery> parse_many_query(std::string_view json, std::string_view ns) {
  if (json.empty()) json = "{}";
  return read_json<ManyQuery>(json, From::kUser, [ns](JsonErrors& errors, const JsonValue& value) {
    ManyQuery query;
    ObjectReader in(errors, value, "");
    in.refuse_nulls();
    query.filter.ns = ns;
    query.filter.id = in.filled_string("id").value_or("");
    query.filter.status = in.named("status", parse_status);
    query.filter.from = in.time("from");
    query.filter.to = in.time("to");
    query.filter.endpoint = in.filled_string("endpoint").value_or("");
    query.filter.reason = in.filled_string("reason").value_or("");
    query.filter.last_status =
        in.small_integer("lastStatus", {model::kStatusMin, model::kStatusMax});
    query.chunk_limit =
        in.small_integer("chunkLimit", {1, model::kPageLimitMax}).value_or(query.chunk_limit);
    query.start_key = in.string("startKey").value_or("");
    in.finish();
    return query;
  });
}

Result<std::string> to_json(const ManyQuery& query) {
  JsonWriter out;
  out.begin_object();
  out.string_if_any("id", query.filter.id);
  if (query.filter.status) out.string("status", to_string(*query.filter.status));
  out.time("from", query.filter.from);
  out.time("to", query.filter.to);
  out.string_if_any("endpoint", query.filter.endpoint);
  out.string_if_any("reason", query.filter.reason);
  if (query.filter.last_status) out.integer("lastStatus", *query.filter.last_status);
  out.integer("chunkLimit", query.chunk_limit);
  out.string_if_any("startKey", query.start_key);
  out.end_object();
  return take_exact(out);
}

namespace {

void write_namespace(JsonWriter& out, const Namespace& item) {
  out.begin_object();
  out.string("namespace", item.name);
  out.end_object();
}

}  // namespace

std::string to_json(const Namespace& item) {
  JsonWriter out;
  write_namespace(out, item);
  return out.take();
}

std::string to_json(const NamespacePage& page) {
  return write_page(page.items, page.last_evaluated_key, write_namespace);
}

Result<NamespacePage> parse_namespace_page(std::string_view json) {
  return read_json<NamespacePage>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        NamespacePage page;
        ObjectReader in(errors, value, "");
        page.items = read_objects(errors, in, "items", [](ObjectReader& item) {
          return Namespace{item.required("namespace", item.string("namespace"))};
        });
        page.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
        return page;
      });
}

std::string to_json(const ManyResult& result) {
  JsonWriter out;
  out.begin_object();
  out.integer("count", result.count);
  out.begin_array("items");
  for (const TaskKey& key : result.items) {
    out.begin_object();
    out.string("id", key.id);
    out.string("namespace", key.ns);
    out.end_object();
  }
  out.end_array();
  out.boolean("more", result.more);
  out.string_if_any("lastEvaluatedKey", result.last_evaluated_key);
  out.end_object();
  return out.take();
}

std::string to_json(const TriggerResult& result) {
  JsonWriter out;
  out.begin_object();
  out.integer("processed", result.processed);
  out.integer("errors", result.errors);
  if (result.held > 0) out.integer("held", result.held);
  out.end_object();
  return out.take();
}

std::string to_json(const DryrunResult& result) {
  JsonWriter out;
  out.begin_object();
  out.integer("count", result.count);
  out.begin_array("items");
  for (const DueTask& task : result.items) {
    out.begin_object();
    write_key(out, task.key);
    out.time("scheduledDate", task.scheduled_date);
    out.end_object();
  }
  out.end_array();
  out.boolean("more", result.more);
  out.end_object();
  return out.take();
}

Result<ManyResult> parse_many_result(std::string_view json) {
  return read_json<ManyResult>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ManyResult result;
    ObjectReader in(errors, value, "");
    result.count = in.required("count", in.integer("count"));
    result.items = read_objects(errors, in, "items", read_key);
    result.more = in.boolean("more").value_or(false);
    result.last_evaluated_key = in.string("lastEvaluatedKey").value_or("");
    return result;
  });
}

Result<TriggerResult> parse_trigger_result(std::string_view json) {
  return read_json<TriggerResult>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        TriggerResult result;
        ObjectReader in(errors, value, "");
        result.processed = in.required("processed", in.integer("processed"));
        result.errors = in.required("errors", in.integer("errors"));
        result.held = in.integer("held").value_or(0);
        return result;
      });
}

Result<DryrunResult> parse_dryrun_result(std::string_view json) {
  return read_json<DryrunResult>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        DryrunResult result;
        ObjectReader in(errors, value, "");
        result.count = in.required("count", in.integer("count"));
        result.items = read_objects(errors, in, "items", [](ObjectReader& item) {
          DueTask task;
          task.key = read_key(item);
          task.scheduled_date = item.required("scheduledDate", item.time("scheduledDate"));
          return task;
        });
        result.more = in.boolean("more").value_or(false);
        return result;
      });
}

Result<std::int64_t> parse_count(std::string_view json) {
  return read_json<std::int64_t>(json, From::kServer,
                                 [](JsonErrors& errors, const JsonValue& value) {
                                   ObjectReader in(errors, value, "");
                                   return in.required("count", in.integer("count"));
                                 });
}

}  // namespace rhooks::codec
