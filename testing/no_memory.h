#pragma once

// Replaces operator new of the whole program: one file of it includes this, and no other.

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace rhooks::testing {

inline thread_local std::size_t no_memory_from = std::numeric_limits<std::size_t>::max();

// While it lives, an allocation of this thread of so many bytes or more throws std::bad_alloc.
class NoMemory {
 public:
  explicit NoMemory(std::size_t from_bytes) { no_memory_from = from_bytes; }
  ~NoMemory() { no_memory_from = std::numeric_limits<std::size_t>::max(); }
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;
};

}  // namespace rhooks::testing

// Inlined they are to GCC a new and a free, or a malloc and a delete, that do not fit each other.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return size < rhooks::testing::no_memory_from ? std::malloc(size == 0 ? 1 : size) : nullptr;
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = operator new(size, std::nothrow);
  if (!memory) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
