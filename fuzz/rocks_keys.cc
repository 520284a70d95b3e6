// The keys and small values of the embedded store. A key that is read is written the same; keys
// sort as what they stand for; no name is the beginning of another; and the bounds that scans
// end at hold what they should, and nothing else.
//
// An input is lines: two keys or names; then two times in eight bytes each.

#include "fuzz/fuzz.h"
#include "model/flow.h"
#include "store/rocks/keys.h"

using namespace rhooks;
using namespace rhooks::store::rocks;

namespace {

bool ordered_alike(const std::string& a, const std::string& b, bool before, bool same) {
  return (a < b) == before && (a == b) == same;
}

void check_key(std::string_view bytes) {
  if (const auto key = parse_task_key(bytes)) FUZZ_EXPECT(task_key(*key) == bytes);
  if (const auto key = parse_document_key(bytes)) FUZZ_EXPECT(document_key(*key) == bytes);
}

void check_names(const std::string& a, const std::string& b, TimePoint t, TimePoint u) {
  FUZZ_EXPECT(ordered_alike(name(a), name(b), a < b, a == b));
  FUZZ_EXPECT(a == b || !name(a).starts_with(name(b)));
  FUZZ_EXPECT(parse_name(name(a)) == a);
  FUZZ_EXPECT(name(a).starts_with(name_prefix(b)) == a.starts_with(b));
  FUZZ_EXPECT(ordered_alike(time_bytes(t), time_bytes(u), t < u, t == u));
  FUZZ_EXPECT(read_time(time_bytes(t)) == t);

  const TaskKey first{a, b};
  const TaskKey second{b, a};
  FUZZ_EXPECT(parse_task_key(task_key(first)) == first);
  // The row of a spec is that of no task, and lies behind its own and before all others.
  const std::string first_row = task_key(first), second_row = task_key(second);
  FUZZ_EXPECT(is_spec_row(spec_row(first_row)) && !is_spec_row(first_row));
  FUZZ_EXPECT(!parse_task_key(spec_row(first_row)));
  FUZZ_EXPECT(spec_row(first_row) > first_row);
  FUZZ_EXPECT((spec_row(first_row) < second_row) == (first < second));
  const model::DocumentKey document{a, b, a};
  const model::DocumentKey other{a, a, b};
  FUZZ_EXPECT(parse_document_key(document_key(document)) == document);
  FUZZ_EXPECT(ordered_alike(document_key(document), document_key(other), document < other, a == b));
  FUZZ_EXPECT(ordered_alike(task_key(first), task_key(second), first < second, a == b));
  const bool before = t < u || (t == u && first < second);
  const bool same = t == u && a == b;
  FUZZ_EXPECT(
      ordered_alike(due_key(t, task_key(first)), due_key(u, task_key(second)), before, same));
  FUZZ_EXPECT(parse_task_key(due_key(t, task_key(first)).substr(8)) == first);
  FUZZ_EXPECT(namespace_hash_of(task_key(first)) == model::namespace_hash(a));

  // Within a namespace logs sort by time, then by id; those of one task are one range.
  FUZZ_EXPECT(ordered_alike(log_key(a, t, b), log_key(a, u, a), t < u || (t == u && b < a),
                            t == u && a == b));
  FUZZ_EXPECT(a == b || !task_logs_prefix(a, a).starts_with(task_logs_prefix(a, b)));
  FUZZ_EXPECT(!failures_prefix(a).starts_with(task_logs_prefix(a, b)));

  Task task;
  task.key = first;
  task.scheduled_date = t;
  task.status = Status::kSuspended;
  FUZZ_EXPECT(date_key(task).starts_with(date_prefix(a, Status::kSuspended)));
  FUZZ_EXPECT(!date_key(task).starts_with(date_prefix(a, Status::kDone)));
}

// All that begins with `prefix` is from it up to the bound, and nothing else is.
void check_bound(const std::string& prefix, const std::string& other) {
  const std::string bound = after_prefix(prefix);
  const auto inside = [&](const std::string& key) {
    return key >= prefix && (bound.empty() || key < bound);
  };
  FUZZ_EXPECT(inside(prefix + other));
  FUZZ_EXPECT(inside(prefix + "\xff\xff"));
  FUZZ_EXPECT(inside(other) == other.starts_with(prefix));
}

void check_due_value(std::string_view bytes) {
  (void)namespace_hash_of(bytes);
  const auto value = parse_due_value(bytes);
  FUZZ_EXPECT(value.has_value() == (bytes.size() >= 16));
  if (!value) return;
  FUZZ_EXPECT(due_value(value->scheduled_date, value->receiver, value->endpoint) ==
              bytes.substr(0, value->endpoint == 0 ? 16 : 24));
}

void check_ref(std::string_view bytes, TimePoint t) {
  if (const auto ref = parse_ref(bytes)) {
    FUZZ_EXPECT(ref_value(ref->expires_at, ref->failed) == bytes);
  }
  for (const bool failed : {false, true}) {
    const auto kept = parse_ref(ref_value({}, failed));
    FUZZ_EXPECT(kept && !kept->expires_at && kept->failed == failed);
    const TimePoint expiry = std::clamp(t, kTimeMin, kTimeMax);
    const auto expiring = parse_ref(ref_value(expiry, failed));
    FUZZ_EXPECT(expiring && expiring->expires_at == expiry && expiring->failed == failed);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_key(fuzz::to_text(data, size));
  check_due_value(fuzz::to_text(data, size));
  check_ref(fuzz::to_text(data, size), kTimeMin);

  fuzz::Input input(data, size);
  const std::string a(input.line());
  const std::string b(input.line());
  const TimePoint t = from_millis(static_cast<std::int64_t>(input.number(8)));
  const TimePoint u = from_millis(static_cast<std::int64_t>(input.number(8)));
  check_names(a, b, t, u);
  check_bound(a, b);
  check_ref(a, u);
  return 0;
}
