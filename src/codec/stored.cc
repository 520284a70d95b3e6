// The stored bytes: fields by number. model/fields.h has the numbers, tagged.h defines their form.
// Beside the rows of a task its spec has
//
//   2 fingerprint (16 bytes)
//
// and its state
//
//   6 last_token (16 bytes)
//
// A document has
//
//   1 revision (16 bytes)   2 updated_at (time)   3 data
//
// A secret has its rows (model/secret.h) and
//
//   8 id of its value (16 bytes)      9 that value, sealed
//   10 id of the value before         11 that value, sealed
//
// An API key has its rows (model/api_key.h) and
//
//   6 SHA-256 of its random bytes
//
// A body has two numbers: its kind, and behind it its data. Enumerators are the numbers of
// model/numbers.h. A field that has its default is not written, except the required field of an
// optional object, or the one that all answers have, whose presence says that there is one.
//
// Older builds keep a field that they do not know. A number that is not used any more is never used
// again. Another enumerator, or a field more of a header, is what older builds cannot read: it
// needs a new format (rocks/keys.h, dynamo/tables.cc).

#include "codec/stored.h"

#include <algorithm>

#include "base/duration.h"
#include "codec/tagged.h"
#include "model/fields.h"
#include "model/numbers.h"

namespace rhooks::codec {
namespace {

using model::Bare;
using model::FieldsOf;
using model::HasFields;

template <typename... Owners, typename F>
constexpr auto if_of(const F& field) {
  if constexpr ((std::is_same_v<typename F::Owner, Owners> || ...)) {
    return std::tuple<F>{field};
  } else {
    return std::tuple<>{};
  }
}

// The rows of a task whose members are those of `Owners` themselves.
template <typename... Owners>
constexpr auto rows_of() {
  return std::apply([](const auto&... field) { return std::tuple_cat(if_of<Owners...>(field)...); },
                    model::TaskFields::kAll);
}

// What is stored together: its rows, and where their values are.
struct SpecRecord {
  static constexpr auto kAll = std::tuple_cat(
      rows_of<Spec, Task>(),
      std::tuple{model::field<&model::TaskRecord::fingerprint>({.name = "", .number = 2})});
};

struct StateRecord {
  static constexpr auto kAll = std::tuple_cat(
      rows_of<State>(),
      std::tuple{model::field<&model::TaskRecord::last_token>({.name = "", .number = 6})});
};

struct LogRecord {
  static constexpr auto& kAll = FieldsOf<Log>::kAll;
};

struct SecretRecord {
  static constexpr auto kAll = std::tuple_cat(
      FieldsOf<Secret>::kAll,
      std::tuple{model::field<&model::StoredSecret::id>({.name = "", .number = 8}),
                 model::field<&model::StoredSecret::sealed>({.name = "", .number = 9}),
                 model::field<&model::StoredSecret::previous_id>({.name = "", .number = 10}),
                 model::field<&model::StoredSecret::previous_sealed>({.name = "", .number = 11})});
};

struct ApiKeyRecord {
  static constexpr auto kAll = std::tuple_cat(
      FieldsOf<ApiKey>::kAll,
      std::tuple{model::field<&model::StoredApiKey::hash>({.name = "", .number = 6})});
};

struct StateToWrite {
  const State& state;
  const model::LeaseToken& last_token;
};

template <typename V, typename O>
auto& value_at(auto& record, V O::*member) {
  using Record = std::remove_cvref_t<decltype(record)>;
  if constexpr (std::is_same_v<Record, StateToWrite>) {
    if constexpr (std::is_same_v<O, State>) {
      return record.state.*member;
    } else {
      return record.last_token;
    }
  } else if constexpr (std::is_base_of_v<O, Record>) {
    return record.*member;
  } else {
    return record.task.*member;
  }
}

// A stored field: a row of a record, or a row of the object that is one.
struct Leaf {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t row = kNone;
  std::size_t inner = kNone;
  std::uint32_t number = 0;
  bool has_second = false;  // a body: its data have the number after that of its kind
};

template <typename Record, std::size_t I>
using RowOf = std::remove_cvref_t<decltype(std::get<I>(Record::kAll))>;

// Whether a field of an object is written whatever it is.
constexpr bool marks_object(const model::FieldWords& field) {
  return field.required || field.in_answers;
}

// Of the fields of an optional object the first that is stored, and no other, marks it. (Of one
// that is only shown none is stored.)
template <typename Object>
constexpr bool begins_with_its_mark() {
  std::uint32_t first = 0;
  std::uint32_t required = 0;
  int count = 0;
  model::for_each_field<Object>([&](const auto& field) {
    if (field.number == 0) return;
    if (first == 0 || field.number < first) first = field.number;
    if (!marks_object(field)) return;
    required = field.number;
    ++count;
  });
  return first == 0 || (count == 1 && first == required);
}

template <typename Record, std::size_t I, typename Visit>
constexpr void visit_row(Visit& visit) {
  constexpr std::uint32_t number = std::get<I>(Record::kAll).number;
  using Value = Bare<typename RowOf<Record, I>::Value>;
  if constexpr (HasFields<Value>) {
    static_assert(!model::kIsOptional<typename RowOf<Record, I>::Value> ||
                  begins_with_its_mark<Value>());
    std::size_t inner = 0;
    model::for_each_field<Value>([&]<typename F>(const F& field) {
      constexpr bool kHasSecond = std::is_same_v<typename F::Value, Body>;
      if (field.number != 0) visit(Leaf{I, inner, number + field.number, kHasSecond});
      ++inner;
    });
  } else if constexpr (number != 0) {
    visit(Leaf{I, Leaf::kNone, number, std::is_same_v<Value, Body>});
  }
}

template <typename Record, typename Visit>
constexpr void for_each_leaf(Visit visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit_row<Record, I>(visit), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(Record::kAll)>>>{});
}

template <typename Record>
constexpr std::size_t count_leaves() {
  std::size_t count = 0;
  for_each_leaf<Record>([&](const Leaf&) { ++count; });
  return count;
}

// In the order of their numbers.
template <typename Record>
constexpr auto make_leaves() {
  std::array<Leaf, count_leaves<Record>()> leaves{};
  std::size_t count = 0;
  for_each_leaf<Record>([&](const Leaf& leaf) { leaves[count++] = leaf; });
  std::sort(leaves.begin(), leaves.end(),
            [](const Leaf& a, const Leaf& b) { return a.number < b.number; });
  return leaves;
}

template <typename Record>
inline constexpr auto kLeaves = make_leaves<Record>();

template <typename Record>
constexpr bool each_has_a_number_of_its_own() {
  std::uint32_t taken = 0;
  for (const Leaf& leaf : kLeaves<Record>) {
    if (leaf.number <= taken) return false;
    taken = leaf.number + (leaf.has_second ? 1 : 0);
  }
  return true;
}
static_assert(each_has_a_number_of_its_own<SpecRecord>());
static_assert(each_has_a_number_of_its_own<StateRecord>());
static_assert(each_has_a_number_of_its_own<LogRecord>());
static_assert(each_has_a_number_of_its_own<SecretRecord>());
static_assert(each_has_a_number_of_its_own<ApiKeyRecord>());

template <typename Record, typename Visit>
void in_order(Visit visit) {
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    (visit.template operator()<kLeaves<Record>[N]>(), ...);
  }
  (std::make_index_sequence<kLeaves<Record>.size()>{});
}

// How many bytes a value has beside what is fixed and small.
std::size_t bytes_of(const auto&) {
  return 0;
}
std::size_t bytes_of(const std::string& text) {
  return text.size();
}
std::size_t bytes_of(const Body& body) {
  return body.data().size();
}
std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size() + 4;
  return bytes;
}
std::size_t bytes_of(const std::vector<Header>& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size() + 8;
  return bytes;
}

// A number, an enumerator or a flag as it is written.
template <typename T>
std::uint64_t number_of(T value) {
  if constexpr (std::is_same_v<T, Status>) {
    return model::number_of(value == Status::kProcessing ? Status::kActive : value);
  } else if constexpr (std::is_enum_v<T>) {
    return model::number_of(value);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds> ||
                       std::is_same_v<T, std::chrono::milliseconds>) {
    // A clock that was set back can make it negative.
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

template <typename F>
void put_leaf(FieldWriter& out, std::uint32_t number, const typename F::Value& value, bool always) {
  using Value = typename F::Value;
  if constexpr (std::is_same_v<Value, std::string>) {
    out.text(number, value);
  } else if constexpr (std::is_same_v<Value, Body>) {
    out.number(number, model::number_of(value.kind()));
    out.text(number + 1, value.data());
  } else if constexpr (std::is_same_v<Value, std::vector<Header>>) {
    for (const Header& header : value) out.header(number, header);
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    for (const std::string& text : value) out.put_text(number, text);
  } else if constexpr (std::is_same_v<Value, TimePoint>) {
    always ? out.optional_time(number, value) : out.time(number, value);
  } else if constexpr (std::is_same_v<Value, std::optional<TimePoint>>) {
    out.optional_time(number, value);
  } else if constexpr (std::is_same_v<Value, std::optional<int>>) {
    out.optional_int(number, value);
  } else if constexpr (std::is_same_v<Value, std::optional<std::chrono::milliseconds>>) {
    if (value) out.put_number(number, number_of(*value));
  } else if constexpr (std::is_same_v<Value, std::optional<Rate>>) {
    if (value) out.text(number, format_rate(*value));
  } else if constexpr (requires { value.data(); }) {
    out.array(number, value);
  } else if (const auto written = number_of(value);
             always || written != number_of(model::kDefault<F>)) {
    out.put_number(number, written);
  }
}

template <typename T>
T read_number(FieldReader& in) {
  if constexpr (std::is_enum_v<T>) {
    const auto value = model::from_number<T>(in.optional_number(0xff));
    if (!value) in.refuse("an enumerator is unknown");
    return value.value_or(T{});
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds> ||
                       std::is_same_v<T, std::chrono::milliseconds>) {
    return T{read_number<std::int64_t>(in)};
  } else {
    return static_cast<T>(in.optional_number(std::numeric_limits<T>::max()));
  }
}

template <typename F>
void take_leaf(FieldReader& in, bool second, typename F::Value& value, bool always) {
  using Value = typename F::Value;
  if constexpr (std::is_same_v<Value, std::string>) {
    value = in.text();
  } else if constexpr (std::is_same_v<Value, Body>) {
    if (second) {
      value = Body(value.kind(), std::string(in.text()));
    } else {
      value = Body(read_number<Body::Kind>(in), {});
      if (value.kind() == Body::Kind::kNone) in.refuse("a field has its default");
    }
  } else if constexpr (std::is_same_v<Value, std::vector<Header>>) {
    if (value.empty()) value.reserve(4);
    value.push_back(in.header());
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    value.emplace_back(in.repeated_text());
  } else if constexpr (std::is_same_v<Value, TimePoint>) {
    value = always ? in.optional_time() : in.time();
  } else if constexpr (std::is_same_v<Value, std::optional<TimePoint>>) {
    value = in.optional_time();
  } else if constexpr (std::is_same_v<Value, std::optional<int>>) {
    value = in.optional_int();
  } else if constexpr (std::is_same_v<Value, std::optional<std::chrono::milliseconds>>) {
    value = read_number<std::chrono::milliseconds>(in);
  } else if constexpr (std::is_same_v<Value, std::optional<Rate>>) {
    const std::string text(in.text());
    const auto rate = parse_rate(text);
    if (rate && format_rate(*rate) == text) {
      value = *rate;
    } else {
      in.refuse("a rate cannot be read");
    }
  } else if constexpr (requires { value.data(); }) {
    value = in.array<std::tuple_size_v<Value>>();
  } else {
    value = read_number<Value>(in);
    if (!always && value == model::kDefault<F>) in.refuse("a field has its default");
  }
}

// Calls visit<Row>(value, always) if the leaf is there; `always`: also what it is by default is
// written.
template <typename Record, Leaf L, typename Source, typename Visit>
void visit_value(Source& source, Visit visit) {
  using Row = RowOf<Record, L.row>;
  auto& value = value_at(source, Row::kMember);
  if constexpr (L.inner == Leaf::kNone) {
    visit.template operator()<Row>(value, false);
  } else {
    using Object = Bare<typename Row::Value>;
    using Inner = RowOf<FieldsOf<Object>, L.inner>;
    constexpr bool kOptional = model::kIsOptional<typename Row::Value>;
    constexpr bool kAlways = kOptional && marks_object(std::get<L.inner>(FieldsOf<Object>::kAll));
    if constexpr (!kOptional) {
      visit.template operator()<Inner>(value.*Inner::kMember, false);
    } else if (value) {
      visit.template operator()<Inner>((*value).*Inner::kMember, kAlways);
    }
  }
}

// Makes the object that a leaf tells of, where its rows are those of an optional one.
template <typename Record, Leaf L, typename Target>
void make_object(FieldReader& in, Target& target) {
  using Row = RowOf<Record, L.row>;
  if constexpr (L.inner != Leaf::kNone && model::kIsOptional<typename Row::Value>) {
    using Object = Bare<typename Row::Value>;
    auto& object = value_at(target, Row::kMember);
    if (object) return;
    if constexpr (!marks_object(std::get<L.inner>(FieldsOf<Object>::kAll))) {
      in.refuse("a field is of an object that is not there");
    }
    object.emplace();
  }
}

template <typename Record, typename Source>
std::string write_record(const Source& source, std::string_view newer_fields = {}) {
  constexpr std::size_t kFixedBytes = 192;
  std::size_t bytes = kFixedBytes;
  in_order<Record>([&]<Leaf L>() {
    visit_value<Record, L>(source,
                           [&]<typename F>(const auto& value, bool) { bytes += bytes_of(value); });
  });
  FieldWriter out(bytes, newer_fields);
  in_order<Record>([&]<Leaf L>() {
    visit_value<Record, L>(source, [&]<typename F>(const auto& value, bool always) {
      put_leaf<F>(out, L.number, value, always);
    });
  });
  return out.take();
}

// What the record does not have stays as it is in `target`, and what is not known is appended to
// `newer_fields`.
template <typename Record, typename Target>
void read_record(FieldReader& in, Target& target, std::string& newer_fields) {
  std::uint32_t next = in.next();
  const auto keep_up_to = [&](std::uint32_t number) {
    for (; next != 0 && next < number; next = in.next()) in.keep(newer_fields);
  };
  in_order<Record>([&]<Leaf L>() {
    keep_up_to(L.number);
    const auto read_while = [&](std::uint32_t number, bool second) {
      for (; next == number; next = in.next()) {
        make_object<Record, L>(in, target);
        visit_value<Record, L>(target, [&]<typename F>(auto& value, bool always) {
          take_leaf<F>(in, second, value, always);
        });
      }
    };
    read_while(L.number, false);
    if constexpr (L.has_second) read_while(L.number + 1, true);
  });
  keep_up_to(kFieldMax + 1);
}

// The fields of a document.
constexpr std::uint32_t kDocumentRevision = 1;
constexpr std::uint32_t kDocumentUpdatedAt = 2;
constexpr std::uint32_t kDocumentData = 3;

tl::unexpected<Error> corrupt(const FieldReader& in, const std::string& what) {
  return fail(ErrorCode::kCorrupt, what + " cannot be read: " + in.reason() + " (at byte " +
                                       std::to_string(in.position()) + ")");
}

}  // namespace

std::string encode_spec(const model::TaskRecord& record) {
  return write_record<SpecRecord>(record, record.newer_spec_fields);
}

std::string encode_state(const State& state, const model::LeaseToken& last_token) {
  return write_record<StateRecord>(StateToWrite{state, last_token}, state.newer_fields);
}

std::string encode_state(const model::TaskRecord& record) {
  return encode_state(record.task, record.last_token);
}

Result<void> decode_state(std::string_view state, model::TaskRecord& record) {
  static_cast<State&>(record.task) = {};
  record.last_token = {};
  FieldReader in(state);
  read_record<StateRecord>(in, record, record.task.newer_fields);
  if (in.ok()) return {};
  const TaskKey& key = record.task.key;
  return corrupt(in, "the stored state of task \"" + key.id + "\" in \"" + key.ns + "\"");
}

Result<model::TaskRecord> decode_record(const TaskKey& key, std::string_view spec,
                                        std::string_view state) {
  model::TaskRecord record;
  record.task.key = key;
  FieldReader in(spec);
  read_record<SpecRecord>(in, record, record.newer_spec_fields);
  const auto& repeat = record.task.repeat;
  if (in.ok() && repeat && repeat->interval == 0) in.refuse("it repeats without an interval");
  if (!in.ok()) {
    return corrupt(in, "the stored spec of task \"" + key.id + "\" in \"" + key.ns + "\"");
  }
  if (auto read = decode_state(state, record); !read) return fail(std::move(read.error()));
  return record;
}

std::string encode_log(const Log& log) {
  return write_record<LogRecord>(log);
}

Result<Log> decode_log(std::string_view ns, TimePoint started_at, std::string_view id,
                       std::string_view bytes) {
  Log log;
  log.id = id;
  log.task.ns = ns;
  log.started_at = started_at;
  FieldReader in(bytes);
  std::string unknown;  // of a log that is never written again
  read_record<LogRecord>(in, log, unknown);
  if (!in.ok()) return corrupt(in, "the stored log \"" + log.id + "\" in \"" + log.task.ns + "\"");
  return log;
}

std::string encode_document(const model::StoredDocument& document) {
  constexpr std::size_t kFixedBytes = 40;
  FieldWriter out(kFixedBytes + document.data.size(), document.newer_fields);
  out.array(kDocumentRevision, document.revision);
  out.time(kDocumentUpdatedAt, document.updated_at);
  out.text(kDocumentData, document.data);
  return out.take();
}

Result<model::StoredDocument> decode_document(const model::DocumentKey& key,
                                              std::string_view bytes) {
  model::StoredDocument document;
  document.key = key;
  FieldReader in(bytes);
  for (std::uint32_t field = in.next(); field != 0; field = in.next()) {
    switch (field) {
      case kDocumentRevision:
        document.revision = in.array<std::tuple_size_v<model::Revision>>();
        break;
      case kDocumentUpdatedAt:
        document.updated_at = in.time();
        break;
      case kDocumentData:
        document.data = in.text();
        break;
      default:
        in.keep(document.newer_fields);
    }
  }
  if (document.revision == model::Revision{}) in.refuse("it has no revision");
  if (in.ok()) return document;
  return corrupt(in, "the stored " + key.kind + " \"" + key.name + "\" in \"" + key.ns + "\"");
}

Result<std::optional<TimePoint>> log_expiry(std::string_view bytes) {
  FieldReader in(bytes);
  std::optional<TimePoint> expires_at;
  if (in.next() == 1) expires_at = in.optional_time();
  if (!in.ok()) return corrupt(in, "the head of a stored log");
  return expires_at;
}

std::string encode_secret(const model::StoredSecret& secret) {
  return write_record<SecretRecord>(secret, secret.newer_fields);
}

Result<model::StoredSecret> decode_secret(const model::DocumentKey& key, std::string_view data) {
  model::StoredSecret secret;
  secret.ns = key.ns;
  secret.name = key.name;
  FieldReader in(data);
  read_record<SecretRecord>(in, secret, secret.newer_fields);
  if (in.ok() && secret.sealed.empty()) in.refuse("it has no value");
  if (in.ok() && secret.previous_until.has_value() == secret.previous_sealed.empty()) {
    in.refuse("of the value before a part is missing");
  }
  if (!in.ok()) return corrupt(in, "the stored secret \"" + key.name + "\" in \"" + key.ns + "\"");
  return secret;
}

std::string encode_api_key(const model::StoredApiKey& key) {
  return write_record<ApiKeyRecord>(key, key.newer_fields);
}

Result<model::StoredApiKey> decode_api_key(const model::DocumentKey& document,
                                           std::string_view data) {
  model::StoredApiKey key;
  key.id = document.name;
  FieldReader in(data);
  read_record<ApiKeyRecord>(in, key, key.newer_fields);
  if (in.ok() && key.hash == Sha256{}) in.refuse("it has no hash");
  if (in.ok() && key.namespaces.empty()) in.refuse("it has no namespaces");
  if (!in.ok()) return corrupt(in, "the stored API key \"" + document.name + "\"");
  return key;
}

}  // namespace rhooks::codec
