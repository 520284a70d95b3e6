#pragma once

#include <rhooks/task.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.h"
#include "json/writer.h"

// Parts that several documents of JSON share.
namespace rhooks::codec {

// name -> value, or an array of values where a name is repeated.
void write_headers(JsonWriter& out, std::string_view name, const std::vector<Header>& headers);
std::vector<Header> read_headers(ObjectReader& in, std::string_view name);
// Those of the member take the place of what `headers` has under their names; null takes a header
// out, and all of them where it stands for the member.
void read_header_changes(ObjectReader& in, std::string_view name, std::vector<Header>& headers);

// An array of lengths of time, "1h30m". None: not given, or null, or refused, as an empty one is.
void write_lengths(JsonWriter& out, std::string_view name,
                   const std::vector<std::chrono::milliseconds>& lengths);
std::optional<std::vector<std::chrono::milliseconds>> read_lengths(ObjectReader& in,
                                                                   std::string_view name);

// An array of texts. None: not given, or null, or refused, as an empty one is.
void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts);
std::optional<std::vector<std::string>> read_texts(ObjectReader& in, std::string_view name);

// Expressions of cron: a text, or an array of them, which is how several are written. None: not
// given, or null, or refused.
void write_crons(JsonWriter& out, std::string_view name, const std::vector<std::string>& crons);
std::optional<std::vector<std::string>> read_crons(ObjectReader& in, std::string_view name);

// What a schedule leaves out: an array of texts, and of {"cron":…} for "cron:…".
void write_exclusions(JsonWriter& out, std::string_view name,
                      const std::vector<std::string>& exclusions);
std::optional<std::vector<std::string>> read_exclusions(ObjectReader& in, std::string_view name);

// The members of a schedule. What the scheduler sets is passed over where a user gives it.
Schedule read_schedule(ObjectReader& in);

// The member "body": text is a JSON string, other JSON stands as it was given, white space
// within it included, and no body is no member.
void write_body(JsonWriter& out, const Body& body);
// None: not given, or null, or refused.
std::optional<Body> read_body(ObjectReader& in);

// The body of an answer, any bytes: as text where it is UTF-8, up to the place where it was cut;
// else as base64, and then a member says so whose name ends in "Encoding".
void write_received(JsonWriter& out, std::string_view name, std::string_view bytes);
std::string read_received(ObjectReader& in, std::string_view name);

// A member that the call gives as well: the two must agree. Empty `of_call`: the member is
// required.
std::string read_of_call(ObjectReader& in, std::string_view name, std::string_view of_call);

// What was written, for a server to act on. Errors: kInvalidArgument where it is not exact.
Result<std::string> take_exact(JsonWriter& out);

void write_key(JsonWriter& out, const TaskKey& key);
TaskKey read_key(ObjectReader& in);

// Writes {"items":[…],"count":n,"lastEvaluatedKey":…} with `write(out, item)`.
template <typename Items, typename Write>
std::string write_page(const Items& items, std::string_view last_evaluated_key, Write write) {
  JsonWriter out;
  out.begin_object();
  out.begin_array("items");
  for (const auto& item : items) write(out, item);
  out.end_array();
  out.integer("count", static_cast<std::int64_t>(items.size()));
  out.string_if_any("lastEvaluatedKey", last_evaluated_key);
  out.end_object();
  return out.take();
}

// Reads the objects of the array `name` with `read(reader)`.
template <typename Read>
auto read_objects(JsonErrors& errors, ObjectReader& in, std::string_view name, Read read) {
  using T = decltype(read(in));
  std::vector<T> items;
  const auto elements = in.required(name, in.array(name));
  items.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size() && !errors.any(); ++i) {
    ObjectReader item(errors, elements[i], json_path(in.path_of(name), i));
    items.push_back(read(item));
    item.finish();
  }
  return items;
}

}  // namespace rhooks::codec
