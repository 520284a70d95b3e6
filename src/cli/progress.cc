#include "cli/progress.h"

#include <ostream>

#include "cli/table.h"

namespace rhooks::cli {

Progress::Progress(Io& io) : io_(io) {}

void Progress::update(const std::string& text) {
  if (!io_.err_is_terminal) return;
  const auto now = Clock::now();
  if (visible_ && now - shown_ < std::chrono::milliseconds{100}) return;
  shown_ = now;
  visible_ = true;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - begin_).count();
  const std::string line = text + ", " + std::to_string(seconds) + " s";
  const auto width = static_cast<std::size_t>(io_.width.value_or(80));
  io_.err << "\r\x1b[K" << fit(line, width > 1 ? width - 1 : 1) << std::flush;
}

void Progress::finish() {
  if (visible_) io_.err << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace rhooks::cli
