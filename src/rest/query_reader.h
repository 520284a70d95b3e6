#pragma once

#include <rhooks/log.h>
#include <rhooks/result.h>
#include <rhooks/task.h>

#include <optional>
#include <string>
#include <string_view>

#include "rest/http_message.h"

namespace rhooks::rest {

// Reads the query parameters of one request. A parameter without a value is refused: it is
// more likely a variable that was not set than a wish for everything.
// The first error is kept and names the parameter; what follows it reads as absent.
class QueryReader {
 public:
  explicit QueryReader(const HttpRequest& request) : request_(request) {}

  std::string text(std::string_view name);
  // startKey; without a value it is that of the first page, so that clients can loop.
  std::string start_key();
  std::optional<int> integer(std::string_view name, int min, int max);
  int limit(std::string_view name, int standard, int max);
  bool flag(std::string_view name);
  std::optional<TimePoint> time(std::string_view name);
  std::optional<Status> status(std::string_view name);
  std::optional<LogStatus> log_status(std::string_view name);

  const std::optional<Error>& error() const { return error_; }

 private:
  const std::string* find(std::string_view name);
  void refuse(std::string_view name, const std::string& message);
  template <typename T>
  std::optional<T> take(std::string_view name, Result<T> (*parse)(std::string_view));

  const HttpRequest& request_;
  std::optional<Error> error_;
};

}  // namespace rhooks::rest
