#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "observe/metrics.h"
#include "store/dynamo/url.h"
#include "store/store.h"

namespace rhooks::store {

struct DynamoTuning {
  // The due index of a shard is read at most so often while nothing is known to be due: how
  // late a task may be noticed that another process registered for less than so far ahead.
  std::chrono::milliseconds read_every{1'000};
  // For so long an index may not show what was stored. What is to go in order waits for that.
  std::chrono::milliseconds order_lag{5'000};
  // What a query looks at in one call, at most; the page ends there.
  std::size_t page_rows_max = 10'000;
  // What a page may become as JSON, about, before it ends.
  std::size_t page_bytes_max = 8u << 20;
  // Rows of one request; the service ends a page at 1 MB in any case.
  std::size_t request_rows_max = 1'000;
};

struct OpenedDynamo {
  std::unique_ptr<Store> store;
  // The machine's clock, put right where the service's answers show that it is off by more
  // than some seconds, so that leases and due times of several machines go by one clock. It
  // must not be asked once the store is gone.
  std::shared_ptr<Clock> clock;
};

// Opens the store on two tables of Amazon DynamoDB, which any number of processes may do at
// the same time. Leases are stored: they outlive the process and end by their time. The
// authorities that an endpoint is checked against are the system's, or those of AWS_CA_BUNDLE.
// `metrics` and `random` must outlive the store.
// Errors: kInvalidArgument (region, endpoint, credentials given by half, tables of another
// shape), kUnavailable (no credentials, no connection, no such tables, access denied).
Result<OpenedDynamo> open_dynamo(const dynamo::DynamoSettings& settings, Metrics& metrics,
                                 std::shared_ptr<Clock> machine_clock, Random& random,
                                 const DynamoTuning& tuning = {});

}  // namespace rhooks::store
