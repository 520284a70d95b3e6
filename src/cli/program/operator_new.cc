// mimalloc is compiled as C: where there is no memory, its operator new ends the process. These
// throw, as the language has it (C++20, [new.delete.single]), so that what asks for too much fails
// alone. mimalloc's operator delete takes what they give.
#include <mimalloc.h>

#include <cstddef>
#include <new>

namespace {

template <typename Attempt>
void* allocate(const Attempt& attempt) {
  while (true) {
    if (void* const memory = attempt()) return memory;
    const std::new_handler make_room = std::get_new_handler();
    if (make_room == nullptr) throw std::bad_alloc();
    make_room();
  }
}

template <typename Attempt>
void* allocate_or_null(const Attempt& attempt) noexcept {
  try {
    return allocate(attempt);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

auto plain(std::size_t size) {
  return [size] { return mi_malloc(size); };
}

auto aligned(std::size_t size, std::align_val_t alignment) {
  return [size, alignment] { return mi_malloc_aligned(size, static_cast<std::size_t>(alignment)); };
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(plain(size));
}
void* operator new[](std::size_t size) {
  return allocate(plain(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(aligned(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(aligned(size, alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(plain(size));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(plain(size));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(aligned(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(aligned(size, alignment));
}
