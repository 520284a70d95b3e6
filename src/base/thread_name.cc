#include "base/thread_name.h"

#include <pthread.h>

namespace rhooks {

void name_this_thread(const char* name) {
  // Refused only if the name is too long: then it has none.
  (void)::pthread_setname_np(::pthread_self(), name);
}

}  // namespace rhooks
