#include "observe/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace rhooks::log {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60s;

std::string told(std::int64_t dropped) {
  return "dropped " + std::to_string(dropped) + "\n";
}

// A small pipe: what it does not hold waits until it is read.
struct Pipe {
  int read_end = -1;
  int write_end = -1;

  explicit Pipe(int flags = 0) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | flags), 0);
    read_end = ends[0];
    write_end = ends[1];
    EXPECT_GT(::fcntl(write_end, F_SETPIPE_SZ, 4096), 0);
  }
  ~Pipe() {
    close_reader();
    // The writing end stays open: the thread of a writer may be in the middle of a write.
  }
  void close_reader() {
    if (read_end >= 0) ::close(std::exchange(read_end, -1));
  }
  // The next line, without its line break.
  std::string line() {
    std::size_t end = 0;
    while ((end = text_.find('\n')) == std::string::npos) {
      char buffer[1024];
      const ssize_t n = ::read(read_end, buffer, sizeof buffer);
      if (n <= 0) return "nothing";
      text_.append(buffer, static_cast<std::size_t>(n));
    }
    const std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

 private:
  std::string text_;
};

TEST(LineWriterTest, WritesLinesInTheirOrder) {
  Pipe pipe;
  LineWriter writer(pipe.write_end, 1'000, told);
  writer.write("one\n");
  writer.write("two\n");
  EXPECT_TRUE(writer.flush(kLong));
  EXPECT_EQ(pipe.line(), "one");
  EXPECT_EQ(pipe.line(), "two");
  EXPECT_EQ(writer.dropped(), 0);
}

void expect_none_is_held_up(int flags) {
  Pipe pipe(flags);
  LineWriter writer(pipe.write_end, 16'000, told);
  constexpr int kLines = 10'000;
  for (int i = 0; i < kLines; ++i) writer.write("line " + std::to_string(i) + "\n");
  EXPECT_FALSE(writer.flush(20ms));
  const std::int64_t dropped = writer.dropped();
  EXPECT_GT(dropped, 0);

  if (flags != 0) ::fcntl(pipe.read_end, F_SETFL, 0);
  // Once it is read, what is missing is told where it is missing.
  std::int64_t told_of = 0;
  for (std::int64_t next = 0; next < kLines;) {
    const std::string line = pipe.line();
    if (line.starts_with("dropped ")) {
      const std::int64_t count = std::stoll(line.substr(8));
      told_of += count;
      next += count;
    } else {
      ASSERT_EQ(line, "line " + std::to_string(next++));
    }
  }
  EXPECT_EQ(told_of, dropped);
  EXPECT_TRUE(writer.flush(kLong));
  writer.write("end\n");
  EXPECT_EQ(pipe.line(), "end");
  EXPECT_EQ(writer.dropped(), dropped);
}

TEST(LineWriterTest, NobodyIsHeldUpByAPipeThatNobodyReads) {
  expect_none_is_held_up(0);
}

TEST(LineWriterTest, ADescriptorThatAnotherMadeNonBlockingIsWaitedFor) {
  expect_none_is_held_up(O_NONBLOCK);
}

TEST(LineWriterTest, ItsEndDoesNotWait) {
  Pipe pipe;
  {
    LineWriter writer(pipe.write_end, 100'000, told);
    for (int i = 0; i < 1'000; ++i) writer.write("a line that nobody reads\n");
  }
  pipe.close_reader();  // which ends the thread
}

TEST(LineWriterTest, APipeWhoseReaderIsGoneEndsNobody) {
  Pipe pipe;
  pipe.close_reader();
  LineWriter writer(pipe.write_end, 1'000, told);
  for (int i = 1; i <= 3; ++i) {
    writer.write("lost\n");
    EXPECT_TRUE(writer.flush(kLong));
    EXPECT_EQ(writer.dropped(), i);
  }
}

// A limit on the size of files stands for any disk that takes a part of a line.
TEST(LineWriterTest, WhatADiskDidNotTakeIsToldOnceItDoes) {
  const int file = ::memfd_create("log", MFD_CLOEXEC);
  ASSERT_GE(file, 0);
  LineWriter writer(file, 1'000, told);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  writer.write("first\n");
  EXPECT_TRUE(writer.flush(kLong));
  for (int i = 0; i < 2; ++i) {
    writer.write("cut short\n");
    EXPECT_TRUE(writer.flush(kLong));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  writer.write("last\n");
  EXPECT_TRUE(writer.flush(kLong));
  char text[100] = {};
  ASSERT_GT(::pread(file, text, sizeof text - 1, 0), 0);
  EXPECT_STREQ(text, "first\ncut \ndropped 2\nlast\n");
  EXPECT_EQ(writer.dropped(), 2);
}

}  // namespace
}  // namespace rhooks::log
