#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rhooks::bench {

// What results were measured on and with.
struct Machine {
  std::string cpu;
  unsigned cores = 0;  // that this process may use
  std::uint64_t memory_bytes = 0;
  std::string kernel;
  std::string file_system;     // of the temporary data: "ext4"
  double fdatasync_ms = 0;     // median, of 4 KiB appended
  std::size_t open_files = 0;  // that a process may have: a sender keeps as many connections
  double load = 0;             // the system's, of the last minute, before anything was measured
  std::string compiler;
  std::string build_type;
};

Machine describe_machine();

}  // namespace rhooks::bench
