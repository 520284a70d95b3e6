#include "store/rocks/info_log.h"

#include <array>
#include <cstdio>

#include "observe/logging.h"

namespace rhooks::store::rocks {

void InfoLog::Logv(const char* format, va_list arguments) {
  Logv(rocksdb::WARN_LEVEL, format, arguments);
}

void InfoLog::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < rocksdb::WARN_LEVEL || level == rocksdb::HEADER_LEVEL) return;
  std::array<char, 1024> text;
  const int size = std::vsnprintf(text.data(), text.size(), format, arguments);
  if (size <= 0) return;
  log::warn("RocksDB says", {{"path", path_}, {"message", std::string(text.data())}});
}

}  // namespace rhooks::store::rocks
