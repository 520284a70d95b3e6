#include "model/webhook_id.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "model/record.h"
#include "model/transitions.h"

namespace rhooks::model {

std::string webhook_id(const Task& task) {
  std::string occurrence = std::to_string(to_millis(nominal_date(task)));
  // Its time alone names one of a series, also to a store that was restored from a backup. Others
  // may be asked for at any millisecond: at that of one of the series, or at that of one before, by
  // a clock that was set back or by another machine's.
  if (task.extra_date) {
    occurrence += " extra " + std::to_string(task.execution.extra);
  } else if (!series_open(task)) {
    occurrence += " run " + std::to_string(task.execution.count);
  }
  const auto hash = sha256({task.key.ns, task.key.id, occurrence});
  return "msg_" + to_hex(hash.data(), 16);
}

}  // namespace rhooks::model
