#include "bench/load/server.h"

#include <csignal>
#include <stdexcept>
#include <vector>

#include "bench/load/workload.h"

namespace rhooks::bench {

Server::Server(const std::string& store)
    : process_(std::vector<std::string>{RHOOKS_BINARY, "serve", "--store", store, "--listen",
                                        "127.0.0.1:0", "--log-level", "warn"}) {
  const auto line = process_.read_line();
  const auto address = line ? line->find("http://") : std::string::npos;
  if (address == std::string::npos) {
    throw std::runtime_error("rhooks serve did not start: " + process_.errors());
  }
  cli::RestClientOptions options;
  options.base = line->substr(address, line->find(' ', address) - address);
  client_ = std::make_unique<cli::RestClient>(options);
  get("/readyz");
  start_seconds_ = seconds_since(began_);
}

std::string Server::get(const std::string& path) {
  cli::RestCall call;
  call.path = path;
  call.timeout = std::chrono::seconds{60};
  auto answer = client_->call(call);
  if (!answer) throw std::runtime_error(answer.error().message);
  if (answer->status != 200) {
    throw std::runtime_error("GET " + path + ": " + std::to_string(answer->status) + " " +
                             answer->body);
  }
  return std::move(answer->body);
}

void Server::stop() {
  process_.signal(SIGTERM);
  if (process_.wait() != 0) throw std::runtime_error("rhooks serve: " + process_.errors());
}

}  // namespace rhooks::bench
