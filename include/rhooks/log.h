#pragma once

#include <rhooks/task.h>

namespace rhooks {

enum class LogStatus { kSuccess, kFail };

const char* to_string(LogStatus status);  // "SUCCESS", "FAIL"

// What a receiver answered.
struct Response {
  int status = 0;
  std::vector<Header> headers;  // in the order received; at most 64 KiB are kept
  std::string body;             // the first 64 KiB, without gzip, deflate, br and zstd
  bool body_truncated = false;  // the body was longer than what is stored

  bool ok() const { return status >= 200 && status < 300; }

  friend bool operator==(const Response&, const Response&) = default;
};

// The record of one attempt: one HTTP request made for an occurrence.
struct Log {
  std::string id;  // UUIDv7 of started_at: ids sort by time
  TaskKey task;
  int attempt = 1;  // 1 for the first attempt of the occurrence
  int retry_limit = 0;
  Request request;                   // as sent: final URL, all headers that this library set
  std::optional<Response> response;  // none if no response arrived
  std::string error;                 // why the attempt failed; empty on success
  LogStatus status = LogStatus::kFail;
  bool probe = false;          // it did not count for the task: its endpoint answered nobody
  TimePoint scheduled_date{};  // nominal time of the occurrence
  // The occurrences of the series between this one and the one before it that was attempted.
  std::optional<Skipped> skipped_before;
  // When this attempt was due: for a retry its own time, for a task that was registered for the
  // past the registration. started_at - due_date is how late it began.
  TimePoint due_date{};
  TimePoint started_at{};
  std::chrono::microseconds duration{0};  // from the start to the end of the answer
  std::optional<TimePoint> expires_at;    // when the store drops it; none: kept
  TimePoint created_at{};

  friend bool operator==(const Log&, const Log&) = default;
};

}  // namespace rhooks
