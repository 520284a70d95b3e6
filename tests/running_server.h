#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "testing/child_process.h"
#include "testing/temp_dir.h"

namespace rhooks::testing {

// `rhooks serve` as its users run it: the real binary, on a free port of 127.0.0.1.
class RunningServer {
 public:
  RunningServer(const TempDir& dir, const std::string& store, std::vector<std::string> flags = {},
                std::vector<std::string> environment = {}) {
    const std::string port_file = dir.sub("port");
    std::filesystem::remove(port_file);
    std::vector<std::string> args = {RHOOKS_BINARY, "serve",       "--store",     store,
                                     "--listen",    "127.0.0.1:0", "--port-file", port_file};
    args.insert(args.end(), flags.begin(), flags.end());
    process_ = std::make_unique<ChildProcess>(std::move(args), std::move(environment));
    if (!process_->wait_for_output("listening on")) {
      ADD_FAILURE() << "the server did not start: " << process_->errors();
      return;
    }
    std::string port;
    std::ifstream(port_file) >> port;
    const bool tls = process_->output().find("listening on https:") != std::string::npos;
    url_ = (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + port;
  }

  ChildProcess& process() { return *process_; }
  const std::string& url() const { return url_; }

  // Runs another command against the server.
  Finished run(std::vector<std::string> args) const {
    args.insert(args.begin(), RHOOKS_BINARY);
    args.insert(args.end(), {"--server", url_});
    return run_program(std::move(args), {}, {}, std::chrono::minutes{5});
  }

  void kill() {
    process_->signal(SIGKILL);
    ASSERT_EQ(process_->wait(), 128 + SIGKILL);
  }

 private:
  std::unique_ptr<ChildProcess> process_;
  std::string url_;
};

}  // namespace rhooks::testing
