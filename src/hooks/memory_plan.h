#pragma once

#include <rhooks/options.h>

#include <algorithm>
#include <cstddef>

#include "store/open.h"

namespace rhooks {

// How the memory that a process may take (Options::memory_max) is shared out. What is not named
// here is the program itself, what RocksDB takes besides, and the space between what allocators
// give and what is asked for.
struct MemoryPlan {
  explicit constexpr MemoryPlan(std::size_t max)
      : attempts(max / 4),
        requests(max / 8),
        responses(max / 8),
        batch_body(std::min<std::size_t>(16u << 20, max / 64)),
        connections(max / 8 / kConnectionBytes),
        tls_connections(max / 8 / kTlsConnectionBytes) {
    store.page_bytes = std::min(store.page_bytes, max / 128);
    store.claim_bytes = std::min(store.claim_bytes, max / 64);
    store.write_buffer_bytes = std::min(store.write_buffer_bytes, max / 32);
    store.cache_bytes = std::min(store.cache_bytes, max / 32);
  }

  // Buffers of a connection, here and in the kernel.
  static constexpr std::size_t kConnectionBytes = 24 * 1024;
  // The same with those of TLS: a record of 16 KiB each way, twice over, and the state of OpenSSL.
  // At rest 77 KiB were measured, without the kernel's.
  static constexpr std::size_t kTlsConnectionBytes = 120 * 1024;

  std::size_t attempts;         // bytes of tasks on the way
  std::size_t requests;         // bytes that clients sent
  std::size_t responses;        // bytes that clients have not read
  std::size_t batch_body;       // the longest body of a request; up to four of them are worked on
  std::size_t connections;      // of clients, at the same time
  std::size_t tls_connections;  // the same where all of them are of TLS
  store::StoreMemory store;
};

}  // namespace rhooks
