#pragma once

#include <memory>
#include <string>

#include "cli/rest_client.h"
#include "testing/child_process.h"

namespace rhooks::bench {

// `rhooks serve` on a store, in a process of its own: the real binary, worker and all.
class Server {
 public:
  // Returns when it answers on /readyz; throws where it does not.
  explicit Server(const std::string& store);

  int pid() const { return process_.pid(); }
  // From exec to the answer on /readyz.
  double start_seconds() const { return start_seconds_; }
  // The answer's body; throws where it is not 200.
  std::string get(const std::string& path);
  // SIGTERM, and waits for the end; throws where that does not come.
  void stop();

 private:
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  testing::ChildProcess process_;
  std::unique_ptr<cli::RestClient> client_;
  double start_seconds_ = 0;
};

}  // namespace rhooks::bench
