#include "store/rocks/keys.h"

#include "base/check.h"
#include "model/flow.h"
#include "model/numbers.h"

namespace rhooks::store::rocks {
namespace {

constexpr char kEscape = '\xff';
constexpr char kEnd = '\x01';
constexpr std::string_view kNameEnd{"\0\x01", 2};
constexpr std::string_view kSpecRowEnd{"\0\x01\0", 3};
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;
constexpr std::string_view kNever{"\xff\xff\xff\xff\xff\xff\xff\xff", 8};

constexpr char kSuccess = model::number_of(LogStatus::kSuccess);
constexpr char kFailure = model::number_of(LogStatus::kFail);

char status_byte(Status status) {
  RHOOKS_CHECK(status != Status::kProcessing);
  return static_cast<char>(model::number_of(status));
}

void append_name(std::string& out, std::string_view text) {
  for (auto zero = text.find('\0'); zero != std::string_view::npos; zero = text.find('\0')) {
    out += text.substr(0, zero + 1);
    out.push_back(kEscape);
    text.remove_prefix(zero + 1);
  }
  out += text;
  out += kNameEnd;
}

void append_u64(std::string& out, std::uint64_t value) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint8_t>(value >> (56 - 8 * i)));
  }
  out.append(bytes, sizeof bytes);
}

std::uint64_t read_u64(std::string_view bytes) {
  RHOOKS_CHECK(bytes.size() >= 8);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

void append_time(std::string& out, TimePoint t) {
  append_u64(out, static_cast<std::uint64_t>(to_millis(t)) ^ kSignBit);
}

// Takes a name off the front of `bytes`.
std::optional<std::string> take_name(std::string_view& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\0') {
      text.push_back(bytes[i]);
      continue;
    }
    if (++i == bytes.size()) return std::nullopt;
    if (bytes[i] == kEnd) {
      bytes.remove_prefix(i + 1);
      return text;
    }
    if (bytes[i] != kEscape) return std::nullopt;
    text.push_back('\0');
  }
  return std::nullopt;
}

}  // namespace

std::string name(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_name(out, text);
  return out;
}

std::string name_prefix(std::string_view text) {
  std::string out = name(text);
  out.resize(out.size() - kNameEnd.size());
  return out;
}

std::optional<std::string> parse_name(std::string_view bytes) {
  auto text = take_name(bytes);
  if (!text || !bytes.empty()) return std::nullopt;
  return text;
}

std::string time_bytes(TimePoint t) {
  std::string out;
  append_time(out, t);
  return out;
}

TimePoint read_time(std::string_view bytes) {
  return from_millis(static_cast<std::int64_t>(read_u64(bytes) ^ kSignBit));
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

std::string task_key(const TaskKey& key) {
  std::string out;
  out.reserve(key.ns.size() + key.id.size() + 2 * kNameEnd.size());
  append_name(out, key.ns);
  append_name(out, key.id);
  return out;
}

std::optional<TaskKey> parse_task_key(std::string_view bytes) {
  auto ns = take_name(bytes);
  if (!ns) return std::nullopt;
  auto id = parse_name(bytes);
  if (!id) return std::nullopt;
  return TaskKey{std::move(*ns), std::move(*id)};
}

std::string_view spec_row(const std::string& task_key) {
  return {task_key.c_str(), task_key.size() + 1};
}

bool is_spec_row(std::string_view row) {
  return row.ends_with(kSpecRowEnd);
}

std::string due_key(TimePoint due, std::string_view task_key) {
  std::string out;
  out.reserve(8 + task_key.size());
  append_time(out, due);
  out += task_key;
  return out;
}

std::uint64_t namespace_hash_of(std::string_view task_key) {
  model::FlowHash hash;
  for (std::size_t i = 0; i < task_key.size(); ++i) {
    const char c = task_key[i];
    if (c == '\0' && (++i == task_key.size() || task_key[i] != kEscape)) break;
    hash.add(c);
  }
  return hash.value();
}

std::string due_value(const Task& task) {
  const model::Flow flow = model::flow_of(task);
  return due_value(task.scheduled_date, flow.receiver, flow.endpoint);
}

std::string due_value(TimePoint scheduled_date, std::uint64_t receiver, std::uint64_t endpoint) {
  std::string out;
  out.reserve(3 * kTimeBytes);
  append_time(out, scheduled_date);
  append_u64(out, receiver);
  if (endpoint != 0) append_u64(out, endpoint);
  return out;
}

std::optional<DueValue> parse_due_value(std::string_view bytes) {
  if (bytes.size() < 2 * kTimeBytes) return std::nullopt;
  DueValue value{read_time(bytes), read_u64(bytes.substr(kTimeBytes))};
  if (bytes.size() >= 3 * kTimeBytes) value.endpoint = read_u64(bytes.substr(2 * kTimeBytes));
  return value;
}

std::string end_key(TimePoint expires_at, std::string_view task_key) {
  return due_key(expires_at, task_key);
}

std::string date_prefix(std::string_view ns, Status status) {
  std::string out;
  out.reserve(ns.size() + 3);
  append_name(out, ns);
  out.push_back(status_byte(status));
  return out;
}

std::string date_key(const Task& task) {
  std::string out;
  out.reserve(task.key.ns.size() + 3 + 8 + task.key.id.size());
  append_name(out, task.key.ns);
  out.push_back(status_byte(task.status));
  append_time(out, task.scheduled_date);
  out += task.key.id;
  return out;
}

std::string log_key(std::string_view ns, TimePoint started_at, std::string_view id) {
  std::string out = name(ns);
  append_time(out, started_at);
  out += id;
  return out;
}

std::string task_logs_prefix(std::string_view ns, std::string_view task_id) {
  std::string out = name(ns);
  out.push_back('T');
  append_name(out, task_id);
  return out;
}

std::string failures_prefix(std::string_view ns) {
  return name(ns) + 'F';
}

std::string ref_value(std::optional<TimePoint> expires_at, bool failed) {
  std::string out = expires_at ? time_bytes(*expires_at) : std::string(kNever);
  out.push_back(failed ? kFailure : kSuccess);
  return out;
}

std::optional<Ref> parse_ref(std::string_view bytes) {
  if (bytes.size() != 9 || (bytes[8] != kSuccess && bytes[8] != kFailure)) return std::nullopt;
  Ref ref;
  if (bytes.substr(0, 8) != kNever) ref.expires_at = read_time(bytes);
  ref.failed = bytes[8] == kFailure;
  return ref;
}

std::string document_key(const model::DocumentKey& key) {
  std::string out;
  out.reserve(key.kind.size() + 2 + key.ns.size() + 2 + key.name.size());
  append_name(out, key.kind);
  append_name(out, key.ns);
  out += key.name;
  return out;
}

std::optional<model::DocumentKey> parse_document_key(std::string_view bytes) {
  auto kind = take_name(bytes);
  if (!kind) return std::nullopt;
  auto ns = take_name(bytes);
  if (!ns) return std::nullopt;
  return model::DocumentKey{std::move(*kind), std::move(*ns), std::string(bytes)};
}

std::string damaged_value(std::string_view reason, std::string_view state, std::string_view spec) {
  std::string out(1, '\x01');
  append_name(out, reason);
  append_name(out, state);
  out += spec;
  return out;
}

}  // namespace rhooks::store::rocks
