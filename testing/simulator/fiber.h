#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace rhooks::simulator {

// A line of action with a stack of its own, which runs on the thread of whoever resumes it and
// stops only where it says so. So production code that blocks, in the middle of a store's
// method for example, can wait in simulated time while others go on, all in one thread.
//
// AddressSanitizer is told of every change of stacks. (This is for tests only: what the server
// is made of has no such stacks.)
// Threads: one.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);  // which must not throw
  ~Fiber();                                    // it has ended, or never began
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Goes on until it pauses or ends. Also by another fiber, which waits meanwhile.
  void resume();
  // By the fiber that runs: back to whoever resumed it.
  static void pause();

  bool ended() const { return ended_; }

 private:
  struct Unmap {
    std::size_t size;
    void operator()(char* memory) const;
  };

  static void enter();
  void run();

  const std::function<void()> body_;
  std::unique_ptr<char, Unmap> memory_;  // a guard, then the stack
  ucontext_t context_{};
  ucontext_t resumer_{};
  Fiber* outer_ = nullptr;  // the fiber that resumed this one, if one did
  bool began_ = false;
  bool ended_ = false;
  const void* resumer_stack_ = nullptr;  // for AddressSanitizer
  std::size_t resumer_stack_size_ = 0;
};

}  // namespace rhooks::simulator
