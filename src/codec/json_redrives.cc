// Redrives: as they are asked for, shown and stored.

#include "codec/json_fields.h"
#include "codec/public_json.h"
#include "model/redrive.h"

namespace rhooks::codec {
namespace {

using model::StoredRedrive;

template <typename Shown>
void write_redrive_fields(JsonWriter& out, const Redrive& redrive, Shown shown) {
  model::for_each_field<Redrive>([&](const auto& field) {
    if (shown(field)) write_field(out, field, redrive);
  });
}

// The name of the document says it.
template <typename F>
constexpr bool kOfItsDocument = model::kIs<F, &TaskFilter::ns>;

void write_ids(JsonWriter& out, const std::vector<std::string>& ids) {
  out.begin_array("ids");
  for (const std::string& id : ids) out.string(id);
  out.end_array();
}

std::vector<std::string> read_ids(ObjectReader& in) {
  std::vector<std::string> ids;
  for (const JsonValue& id : in.required("ids", in.array("ids"))) {
    if (id.kind() == JsonKind::kString) {
      ids.push_back(id.string());
    } else {
      in.errors().add(json_path(in.path_of("ids"), ids.size()), "must be a string");
    }
  }
  return ids;
}

StoredRedrive read_stored_redrive(ObjectReader& in) {
  StoredRedrive redrive;
  model::for_each_field<Redrive>([&]<typename F>(const F& field) {
    if constexpr (!kOfItsDocument<F>) read_field(in, field, static_cast<Redrive&>(redrive));
  });
  if (auto after = in.object("after")) {
    redrive.after =
        StoredRedrive::Position{after->required("scheduledDate", after->time("scheduledDate")),
                                after->required("id", after->string("id"))};
  }
  if (auto step = in.object("step")) {
    redrive.step = StoredRedrive::Step{step->required("at", step->time("at")), read_ids(*step)};
  }
  return redrive;
}

}  // namespace

Result<Redrive> parse_new_redrive(std::string_view json, std::string_view ns) {
  if (json.empty()) json = "{}";
  return read_json<Redrive>(json, From::kUser, [&](JsonErrors& errors, const JsonValue& value) {
    Redrive redrive;
    redrive.ns = ns;
    ObjectReader in(errors, value, "");
    in.refuse_nulls();
    model::for_each_field<Redrive>([&]<typename F>(const F& field) {
      if constexpr (model::kIs<F, &TaskFilter::ns>) {
        redrive.ns = read_of_call(in, field.name, redrive.ns);
      } else if (!field.read_only) {
        read_field(in, field, redrive);
      }
    });
    in.finish();
    return redrive;
  });
}

Result<std::string> to_start_json(const Redrive& redrive) {
  JsonWriter out;
  out.begin_object();
  write_redrive_fields(out, redrive, [](const auto& field) { return !field.read_only; });
  out.end_object();
  return take_exact(out);
}

std::string to_json(const Redrive& redrive) {
  JsonWriter out;
  out.begin_object();
  write_redrive_fields(out, redrive, [](const auto&) { return true; });
  out.end_object();
  return out.take();
}

Result<Redrive> parse_redrive(std::string_view json) {
  return read_json<Redrive>(json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
    ObjectReader in(errors, value, "");
    return read_fields<Redrive>(in);
  });
}

std::string to_stored_json(const StoredRedrive& redrive) {
  JsonWriter out;
  out.begin_object();
  write_redrive_fields(out, redrive, []<typename F>(const F&) { return !kOfItsDocument<F>; });
  if (redrive.after) {
    out.begin_object("after");
    out.time("scheduledDate", redrive.after->scheduled_date);
    out.string("id", redrive.after->id);
    out.end_object();
  }
  if (redrive.step) {
    out.begin_object("step");
    out.time("at", redrive.step->at);
    write_ids(out, redrive.step->ids);
    out.end_object();
  }
  out.end_object();
  return out.take();
}

Result<StoredRedrive> parse_stored_redrive(std::string_view json) {
  auto redrive =
      read_json<StoredRedrive>(json, From::kUser, [](JsonErrors& errors, const JsonValue& value) {
        ObjectReader in(errors, value, "");
        return read_stored_redrive(in);
      });
  if (!redrive) return fail(ErrorCode::kCorrupt, redrive.error().message);
  return redrive;
}

}  // namespace rhooks::codec
