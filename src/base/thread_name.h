#pragma once

namespace rhooks {

// Names the calling thread for those who look at a running process (top -H, perf, gdb); at most
// 15 bytes, the limit of Linux (pthread_setname_np(3)).
void name_this_thread(const char* name);

}  // namespace rhooks
