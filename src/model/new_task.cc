#include "model/new_task.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "json/space.h"
#include "model/checks.h"
#include "model/fields.h"
#include "model/numbers.h"
#include "model/refusal.h"
#include "model/transitions.h"
#include "model/url.h"

namespace rhooks::model {
namespace {

Result<void> check_ids_agree(const NewTask& task) {
  if (task.id.empty()) return {};
  if (!task.id_prefix.empty()) {
    return invalid("idPrefix", "excludes id: it is put before a generated id");
  }
  if (!task.idempotency_key.empty()) {
    return invalid("idempotencyKey",
                   "excludes id, since the id is derived from it; a task registered again "
                   "under its own id is a conflict already");
  }
  return {};
}

Result<void> check_target(const NewTask& task) {
  const std::string& url = task.request.url;
  if (!task.endpoint.empty()) {
    if (url.empty() || is_url_rest(url)) return {};
    return invalid("url",
                   "the endpoint says where it goes; leave it out, or give what comes behind its "
                   "URL, from \"/\" or \"?\" on");
  }
  if (!task.flow_key.empty()) {
    return invalid("flowKey", "needs an endpoint, whose tasks it tells apart");
  }
  if (url.empty()) return invalid("url", "is required, unless there is an endpoint");
  return is_url_rest(url) ? validate_url(url) : Result<void>();
}

Result<void> check_deliver_before(const NewTask& task) {
  constexpr std::string_view field = "deliverBefore";
  if (!task.deliver_before) return {};
  if (task.repeat || task.schedule) {
    return invalid(field, std::string("excludes ") + (task.repeat ? "repeat" : "schedule") +
                              ": each occurrence has a time of its own");
  }
  // One in the past is taken where no date is given, as scheduledDate takes one.
  if (!task.scheduled_date || *task.deliver_before > *task.scheduled_date) return {};
  return invalid(field, "is not after scheduledDate, so no attempt could begin");
}

// Both say when.
Result<void> check_schedule_alone(const NewTask& task) {
  if (!task.schedule) return {};
  if (task.scheduled_date) {
    return invalid("schedule",
                   "excludes scheduledDate: give the time as schedule.at, or as "
                   "schedule.start where it is only the first one");
  }
  if (!task.repeat) return {};
  return invalid("schedule",
                 "excludes repeat: give its interval as schedule.every, such as \"10m\", "
                 "and its max as schedule.max");
}

// Whether a field is as if it were left out.
template <typename F, typename T>
bool says_nothing(const F& field, const T& object) {
  if constexpr (kIs<F, &Spec::retry_limit>) {
    // An endpoint may have another default.
    if (object.retry_limit == kRetryLimitDefault && object.endpoint.empty()) return true;
  }
  // What the scheduler sets is not what was registered.
  return field.read_only || is_default(field, object.*F::kMember);
}

// What a fingerprint is made of: bytes that are the same for equal values, and for no others.
class Content {
 public:
  explicit Content(std::size_t bytes) { bytes_.reserve(bytes); }

  void add(std::int64_t number) {
    std::array<char, 8> bytes;  // the lowest first
    for (char& byte : bytes) {
      byte = static_cast<char>(number);
      number >>= 8;
    }
    bytes_.append(bytes.data(), bytes.size());
  }
  void add(std::string_view text) {
    add_size(text.size());
    bytes_ += text;
  }
  void add(TimePoint t) { add(to_millis(t)); }
  void add(std::chrono::milliseconds length) { add(std::int64_t{length.count()}); }
  template <typename E>
  requires std::is_enum_v<E>
  void add(E value) { add(std::string_view(to_string(value))); }
  // Names in any case and order mean the same request; the order of values under one name means
  // something.
  void add(const std::vector<Header>& headers) {
    std::vector<std::pair<std::string, std::string_view>> sorted;
    sorted.reserve(headers.size());
    for (const Header& header : headers) sorted.emplace_back(lower_case(header.name), header.value);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    add_size(sorted.size());
    for (const auto& [name, value] : sorted) {
      add(std::string_view(name));
      add(value);
    }
  }
  // In any order.
  void add(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    add_size(names.size());
    for (const std::string& name : names) add(std::string_view(name));
  }
  void add(const Body& body) {
    add(std::int64_t{number_of(body.kind())});
    if (body.kind() == Body::Kind::kJson) {
      add(std::string_view(without_json_space(body.data())));
    } else {
      add(std::string_view(body.data()));
    }
  }
  template <typename T>
  void add(const std::optional<T>& value) {
    add(*value);
  }
  // The fields that are given, by their names, and an end that is no name.
  template <HasFields T>
  void add(const T& object) {
    for_each_field_by_name<T>([&]<typename F>(const F& field) {
      if (says_nothing(field, object)) return;
      add(field.name);
      add(object.*F::kMember);
    });
    add_size(0);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  // Seven bits a byte, the lowest first, as long as there are more.
  void add_size(std::size_t size) {
    for (; size >= 0x80; size >>= 7) bytes_ += static_cast<char>(size | 0x80);
    bytes_ += static_cast<char>(size);
  }

  std::string bytes_;
};

std::string with_prefix(const NewTask& task, const Uuid& uuid) {
  const std::string text = to_string(uuid);
  return task.id_prefix.empty() ? text : task.id_prefix + "#" + text;
}

}  // namespace

Result<void> validate_namespace(std::string_view ns) {
  return Name{kNamespaceBytesMax}.check(ns, "namespace");
}

Result<void> validate_id(std::string_view id, std::string_view field) {
  return Name{kIdBytesMax}.check(id, field);
}

Result<void> validate(const NewTask& task) {
  // First: to a task with an endpoint "orders" lacks a "/", not a host.
  if (auto ok = check_target(task); !ok) return ok;
  if (auto ok = check_fields(task, ""); !ok) return ok;
  if (auto ok = check_schedule_alone(task); !ok) return ok;
  if (auto ok = check_deliver_before(task); !ok) return ok;
  if (auto ok = check_callback(task.callback, task.callback_on); !ok) return ok;
  return check_ids_agree(task);
}

TaskRecord make_record(NewTask task, TimePoint now, const Uuid& uuid,
                       const schedule::Timetable* times) {
  // Given, it says no more than if it were left out, unless an endpoint says otherwise; and older
  // builds do not read one that is stored.
  if (task.retry_limit == kRetryLimitDefault && task.endpoint.empty()) task.retry_limit.reset();
  TaskRecord record;
  record.fingerprint = fingerprint(task);
  Task& made = record.task;
  if (!task.id.empty()) {
    made.key.id = std::move(task.id);
  } else if (!task.idempotency_key.empty()) {
    made.key.id = id_from_idempotency_key(task);
  } else {
    made.key.id = with_prefix(task, uuid);
  }
  made.key.ns = std::move(task.ns);
  static_cast<Spec&>(made) = static_cast<Spec&&>(task);
  made.scheduled_date = task.scheduled_date.value_or(now);
  if (times) begin_occurrence(made, times->first_occurrence(), times);
  made.created_at = now;
  made.updated_at = now;
  return record;
}

Fingerprint fingerprint(const NewTask& task) {
  Content content(512 + task.request.url.size() + task.request.body.data().size());
  content.add(task);
  const Sha256 digest = sha256({"rhooks task 2", content.bytes()});
  Fingerprint result;
  std::copy_n(digest.begin(), result.size(), result.begin());
  return result;
}

std::string id_from_idempotency_key(const NewTask& task) {
  const Sha256 digest = sha256({"rhooks idempotency key 1", task.ns, task.idempotency_key});
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>(0x80 | (uuid[6] & 0x0f));  // version 8: RFC 9562, 5.8
  uuid[8] = static_cast<std::uint8_t>(0x80 | (uuid[8] & 0x3f));
  return with_prefix(task, uuid);
}

}  // namespace rhooks::model
