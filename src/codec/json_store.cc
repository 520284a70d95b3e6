// What a store tells of itself.

#include "codec/json_parts.h"
#include "codec/public_json.h"

namespace rhooks::codec {
namespace {

using Section = StoreDescription::Section;

std::string text_of(ObjectReader& in, const JsonMember& member) {
  if (member.value.kind() == JsonKind::kString) return member.value.string();
  in.refuse(member.name, "must be a string");
  return {};
}

// Each row names its columns; those of the first are the section's.
std::vector<std::string> read_row(ObjectReader& in, std::vector<std::string>& columns) {
  std::vector<std::string> row(columns.size());
  if (columns.empty()) {
    for (const JsonMember& member : in.all()) {
      columns.push_back(member.name);
      row.push_back(text_of(in, member));
    }
    return row;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) row[i] = in.string(columns[i]).value_or("");
  return row;
}

}  // namespace

std::string to_json(const StoreDescription& description) {
  JsonWriter out;
  out.begin_object();
  out.string("kind", description.kind);
  out.begin_object("facts");
  for (const auto& [name, value] : description.facts) out.string(name, value);
  out.end_object();
  out.begin_array("sections");
  for (const Section& section : description.sections) {
    out.begin_object();
    out.string("title", section.title);
    out.begin_array("rows");
    for (const std::vector<std::string>& row : section.rows) {
      out.begin_object();
      for (std::size_t i = 0; i < row.size(); ++i) out.string(section.columns.at(i), row[i]);
      out.end_object();
    }
    out.end_array();
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

Result<StoreDescription> parse_store_description(std::string_view json) {
  return read_json<StoreDescription>(
      json, From::kServer, [](JsonErrors& errors, const JsonValue& value) {
        StoreDescription description;
        ObjectReader in(errors, value, "");
        description.kind = in.required("kind", in.string("kind"));
        if (auto facts = in.object("facts")) {
          for (const JsonMember& member : facts->all()) {
            description.facts.emplace_back(member.name, text_of(*facts, member));
          }
        }
        description.sections = read_objects(errors, in, "sections", [&](ObjectReader& part) {
          Section section;
          section.title = part.required("title", part.string("title"));
          section.rows = read_objects(errors, part, "rows", [&](ObjectReader& row) {
            return read_row(row, section.columns);
          });
          return section;
        });
        return description;
      });
}

}  // namespace rhooks::codec
