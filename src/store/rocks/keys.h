#pragma once

#include <rhooks/task.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/document.h"

// The byte format of the embedded store.
//
// Column families, and their keys and values:
//
//   tasks     taskkey                            state (codec/stored.h)
//             taskkey 0x00                       spec (codec/stored.h), up to kSpecBesideMax: what
//                                                reads a task then reads one block
//   specs     taskkey                            a larger spec
//   due       time(due) taskkey                  time(scheduled_date) u64(receiver), and
//                                                u64(endpoint) where there is one; ACTIVE tasks
//                                                only. receiver, endpoint: of model::Flow
//   ends      time(expires_at) taskkey           empty                  tasks that expire
//   by_date   name(ns) u8(status) time(scheduled_date) id               empty
//   logs      name(ns) time(started_at) log id   log (codec/stored.h)
//   log_refs  name(ns) 'T' name(task id) time(started_at) log id        ref
//             name(ns) 'F' time(started_at) log id                      ref   failures only
//   damaged   taskkey                            see damaged_value()
//   documents name(kind) name(ns) document name  document (codec/stored.h)
//   meta      "format"                           in ASCII decimal, the least format that a program
//                                                must know to read and write the store
//             "probe"                            empty; written by check()
//
//   taskkey   name(ns) name(id)
//   name(x)   x with each 0x00 written as 0x00 0xff, then 0x00 0x01: sorts as x does, and no
//             name is the beginning of another
//   id        as it is: always last
//   u64       8 bytes, big-endian
//   time      8 bytes, big-endian, milliseconds with the sign bit flipped: sorts as the time
//   ref       time(expires_at, or 0xff × 8 where the log is kept) u8(log status)
//   status    model/numbers.h, as the log status
//
// A lease is in memory only: the lock on the directory is the lease on all tasks.
namespace rhooks::store::rocks {

// What programs know: each from kFormatMin on. A field more of a record makes no new format, as
// older programs keep it; what they would misread does. The first released format is 4.
inline constexpr int kFormatMin = 4;
inline constexpr int kFormat = 4;

// A larger spec would make those who want states read bodies.
inline constexpr std::size_t kSpecBesideMax = 1'024;

std::string name(std::string_view text);
// What the names of all texts begin with that begin with `text`.
std::string name_prefix(std::string_view text);
// None: it is not a name, or more than one.
std::optional<std::string> parse_name(std::string_view bytes);
inline constexpr std::size_t kTimeBytes = 8;
std::string time_bytes(TimePoint t);
TimePoint read_time(std::string_view bytes);  // of the first 8
// The first key after all that begin with `prefix`; empty where there is none.
std::string after_prefix(std::string prefix);

std::string task_key(const TaskKey& key);
std::optional<TaskKey> parse_task_key(std::string_view bytes);
// The row of a spec that lies beside its state. Shares the bytes of the string, which every string
// ends with a 0x00 behind; it must outlive this.
std::string_view spec_row(const std::string& task_key);
bool is_spec_row(std::string_view row);  // of `tasks`

// model::namespace_hash of its namespace; of anything where it is no task's key.
std::uint64_t namespace_hash_of(std::string_view task_key);

std::string due_key(TimePoint due, std::string_view task_key);
std::string due_value(const Task& task);
std::string due_value(TimePoint scheduled_date, std::uint64_t receiver, std::uint64_t endpoint = 0);
struct DueValue {
  TimePoint scheduled_date{};
  std::uint64_t receiver = 0;
  std::uint64_t endpoint = 0;  // 0: there is none
};
std::optional<DueValue> parse_due_value(std::string_view bytes);
std::string end_key(TimePoint expires_at, std::string_view task_key);

std::string date_prefix(std::string_view ns, Status status);
std::string date_key(const Task& task);

std::string log_key(std::string_view ns, TimePoint started_at, std::string_view id);
std::string task_logs_prefix(std::string_view ns, std::string_view task_id);
std::string failures_prefix(std::string_view ns);

std::string ref_value(std::optional<TimePoint> expires_at, bool failed);
struct Ref {
  std::optional<TimePoint> expires_at;
  bool failed = false;
};
std::optional<Ref> parse_ref(std::string_view bytes);

std::string document_key(const model::DocumentKey& key);
std::optional<model::DocumentKey> parse_document_key(std::string_view bytes);

// u8 version 1, then name(reason) name(state) spec.
std::string damaged_value(std::string_view reason, std::string_view state, std::string_view spec);

}  // namespace rhooks::store::rocks
