#include "bench/load/machine.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/load/report.h"
#include "testing/temp_dir.h"

namespace rhooks::bench {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string file_system_of(const std::string& directory) {
  std::ifstream file("/proc/mounts");
  std::string longest, found = "unknown";
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string device, place, type;
    fields >> device >> place >> type;
    const std::string prefix = place.ends_with('/') ? place : place + "/";
    // One that was mounted over another comes later.
    if (!(directory + "/").starts_with(prefix) || prefix.size() < longest.size()) continue;
    longest = prefix;
    found = type;
  }
  return found;
}

double fdatasync_ms() {
  constexpr int kTimes = 100;
  const testing::TempDir dir("rhooks-bench-sync");
  const int fd = ::open(dir.sub("file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string block(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const bool written =
        ::write(fd, block.data(), block.size()) == static_cast<ssize_t>(block.size());
    if (!written || ::fdatasync(fd) != 0) {
      throw std::runtime_error("cannot write to " + dir.path().string());
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count());
  }
  ::close(fd);
  return median(times);
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = cpu_model();
  machine.cores = std::thread::hardware_concurrency();
  struct sysinfo memory {};
  if (::sysinfo(&memory) == 0) {
    machine.memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit;
  }
  utsname system{};
  if (::uname(&system) == 0) machine.kernel = std::string(system.sysname) + " " + system.release;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) machine.open_files = files.rlim_cur;
  double loads[1];
  if (::getloadavg(loads, 1) == 1) machine.load = loads[0];
  machine.file_system =
      file_system_of(std::filesystem::canonical(std::filesystem::temp_directory_path()).string());
  machine.fdatasync_ms = fdatasync_ms();
#ifdef __clang__
  machine.compiler = __VERSION__;  // with its name
#else
  machine.compiler = "GCC " __VERSION__;
#endif
  machine.build_type = RHOOKS_BUILD_TYPE;
  return machine;
}

}  // namespace rhooks::bench
