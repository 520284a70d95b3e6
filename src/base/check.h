#pragma once

#include <cstdio>
#include <cstdlib>

// Always-on check for programmer errors: a state that no input can cause. It ends the
// process, because going on could lose or double a task; crash recovery is tested.
#define RHOOKS_CHECK(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
