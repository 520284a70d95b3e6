#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rhooks::testing {

// What may be done to a request. "After" means that it was applied, if it could be.
enum class DynamoFault {
  kDropBefore,   // the connection is closed, and nothing applied
  kDropAfter,    // applied; the connection is closed without an answer
  kTruncate,     // applied; the connection is closed in the middle of the answer
  kErrorBefore,  // 500, and nothing applied
  kErrorAfter,   // 500, and applied
  kThrottle,     // nothing applied
  kDelay,        // before it is applied or after, drawn
  kUnprocessed,  // a part of a batch is left undone, and named in the answer
};

struct DynamoFaults {
  using Rates = std::map<DynamoFault, double>;  // how likely each is, 0 to 1
  struct IndexLag {
    std::chrono::milliseconds min{0};
    std::chrono::milliseconds max{0};
  };

  Rates rates;
  std::map<std::string, Rates> of_operation;  // "UpdateItem": in place of `rates`
  std::chrono::milliseconds delay_max{100};   // drawn between 0 and this
  std::string throttle_error = "ProvisionedThroughputExceededException";
  // How late a write shows in index queries (testing/dynamo_lag.h); none: at once.
  std::optional<IndexLag> index_lag = std::nullopt;
};

// What has happened so far.
struct DynamoCounts {
  std::size_t requests = 0;  // that were read to their end
  std::size_t unsigned_requests = 0;
  std::size_t denied = 0;
  std::map<DynamoFault, std::size_t> injected;  // requests
  std::size_t unprocessed = 0;                  // items that batches left out
  std::size_t stale_queries = 0;                // index queries that missed writes
  std::size_t emulator_failures = 0;            // of the emulator: should be 0

  std::size_t of(DynamoFault fault) const;
};

struct DynamoUse {
  std::size_t requests = 0;  // that were charged: a batch counts once for each of its tables
  double wcu = 0;            // write capacity units, indexes included
  double index_wcu = 0;      // those of the indexes alone
  double rcu = 0;
};

// By operation and table.
struct DynamoUsage {
  std::map<std::pair<std::string, std::string>, DynamoUse> uses;

  DynamoUse total() const;
  DynamoUse of_operation(const std::string& operation) const;
  DynamoUse of_table(const std::string& table) const;
};

// DynamoDB for tests: an HTTP server that checks signatures, injects faults, lets indexes lag,
// counts what AWS would charge, and has dynalite (testing/dynalite.h) do the work.
//
//   DynamoProxy proxy(dynalite_endpoint());
//   proxy.accept_key("AKIDEXAMPLE", "secret");
//   proxy.faults({.rates = {{DynamoFault::kThrottle, 0.1}, {DynamoFault::kDropAfter, 0.02}}});
//   ... a store on proxy.endpoint() ...
//   EXPECT_LE(proxy.usage().total().wcu, 3);
//
// Draws come from a seed, which is printed. Answers to reads have the emulator's figures for
// capacity, and at least what an empty read costs; those to writes are computed
// (testing/dynamo_capacity.h). Requests that come past the proxy are not known to it: writes
// then make the capacity of writes under way inexact, and do not show in indexes that lag.
//
// Threads: every method may be called from any thread; one thread of its own does the I/O.
class DynamoProxy {
 public:
  struct Options {
    std::string region = "us-east-1";  // that requests must be signed for
    std::uint64_t seed = 0;            // 0: drawn
  };

  explicit DynamoProxy(const std::string& emulator);
  DynamoProxy(const std::string& emulator, Options options);
  ~DynamoProxy();

  DynamoProxy(const DynamoProxy&) = delete;
  DynamoProxy& operator=(const DynamoProxy&) = delete;

  std::string endpoint() const;  // "http://127.0.0.1:PORT"
  std::uint64_t seed() const;

  // Requests must be signed with one of these: none is known at first.
  void accept_key(const std::string& id, const std::string& secret, const std::string& token = {});
  void expire_key(const std::string& id);  // ExpiredTokenException from now on
  void revoke_key(const std::string& id);  // UnrecognizedClientException

  // The proxy's clock, as Date shows it and signatures are held against, from the machine's.
  void set_clock_offset(std::chrono::seconds offset);

  // In place of those so far.
  void faults(DynamoFaults faults);
  // Does this to the next `times` requests of that operation, before anything is drawn.
  void inject_next(const std::string& operation, DynamoFault fault, std::size_t times = 1);
  // Answers AccessDeniedException.
  void deny(const std::string& operation);
  void allow(const std::string& operation);
  // Closes all connections, and new ones as they come. What is under way is applied or not.
  void cut_network(bool cut);

  DynamoCounts counts() const;
  DynamoUsage usage() const;
  void reset_usage();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rhooks::testing
