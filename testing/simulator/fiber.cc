#include "testing/simulator/fiber.h"

#include <sys/mman.h>

#include <new>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define RHOOKS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define RHOOKS_ASAN 1
#endif
#endif

namespace rhooks::simulator {
namespace {

// Frames are several times larger with AddressSanitizer. Only the pages that are used count.
constexpr std::size_t kStackBytes = 256u << 10;
// Below each stack, so that one that overflows ends the process and does not write into its
// neighbour. More than a page, for frames that are larger than one.
constexpr std::size_t kGuardBytes = 64u << 10;

Fiber* running = nullptr;

#ifdef RHOOKS_ASAN
void about_to_switch(void** fake, const void* stack, std::size_t size) {
  __sanitizer_start_switch_fiber(fake, stack, size);
}
void switched(void* fake, const void** from, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake, from, size);
}
#else
void about_to_switch(void**, const void*, std::size_t) {}
void switched(void*, const void**, std::size_t*) {}
#endif

}  // namespace

void Fiber::Unmap::operator()(char* memory) const {
  ::munmap(memory, size);
}

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), memory_(nullptr, Unmap{0}) {
  constexpr std::size_t kAll = kGuardBytes + kStackBytes;
  void* const memory =
      ::mmap(nullptr, kAll, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = {static_cast<char*>(memory), Unmap{kAll}};
  if (::mprotect(memory, kGuardBytes, PROT_NONE) != 0) throw std::bad_alloc();
  RHOOKS_CHECK(::getcontext(&context_) == 0);
  context_.uc_stack.ss_sp = memory_.get() + kGuardBytes;
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;  // run() never returns
  ::makecontext(&context_, &Fiber::enter, 0);
}

Fiber::~Fiber() {
  RHOOKS_CHECK(ended_ || !began_);
}

void Fiber::enter() {
  running->run();
}

void Fiber::run() {
  switched(nullptr, &resumer_stack_, &resumer_stack_size_);
  body_();
  ended_ = true;
  running = outer_;
  // No fake stack is kept: this one is never come back to.
  about_to_switch(nullptr, resumer_stack_, resumer_stack_size_);
  ::setcontext(&resumer_);
  RHOOKS_CHECK(false);
}

void Fiber::resume() {
  RHOOKS_CHECK(!ended_);
  began_ = true;
  outer_ = running;
  running = this;
  void* fake = nullptr;
  about_to_switch(&fake, memory_.get() + kGuardBytes, kStackBytes);
  ::swapcontext(&resumer_, &context_);
  switched(fake, nullptr, nullptr);
}

void Fiber::pause() {
  Fiber& self = *running;
  running = self.outer_;
  void* fake = nullptr;
  about_to_switch(&fake, self.resumer_stack_, self.resumer_stack_size_);
  ::swapcontext(&self.context_, &self.resumer_);
  switched(fake, &self.resumer_stack_, &self.resumer_stack_size_);
}

}  // namespace rhooks::simulator
