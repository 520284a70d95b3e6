#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "testing/patience.h"

namespace rhooks::testing {

// A pipe with a name that holds little (4 KiB), and that nobody reads as long as the test does not.
class UnreadPipe {
 public:
  explicit UnreadPipe(const std::string& path) : path_(path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    // For both, so that neither side waits for the other to open it.
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    EXPECT_GE(fd_, 0);
    EXPECT_GT(::fcntl(fd_, F_SETPIPE_SZ, 4096), 0);
  }
  ~UnreadPipe() { ::close(fd_); }
  const std::string& path() const { return path_; }

  // Reads until `text` was read.
  bool read_until(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string read;
    char buffer[4096];
    while (read.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      const ssize_t n = ::read(fd_, buffer, sizeof buffer);
      if (n > 0) {
        read.append(buffer, static_cast<std::size_t>(n));
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
      }
    }
    return true;
  }

 private:
  const std::string path_;
  int fd_ = -1;
};

}  // namespace rhooks::testing
