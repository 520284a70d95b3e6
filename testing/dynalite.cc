#include "testing/dynalite.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "testing/child_process.h"

namespace rhooks::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhatToDo =
    " Run scripts/test.sh, which installs what is missing, or `npm ci` in testing/dynalite/; or "
    "set RHOOKS_TEST_DYNAMODB to the address of one that runs.";

std::string find_node() {
  if (auto node = find_program("node")) return *node;
  throw std::runtime_error(std::string("The emulator of DynamoDB needs node, 18 or newer.") +
                           kWhatToDo);
}

class Dynalite {
 public:
  Dynalite() : process_({find_node(), server()}) {
    const auto port = process_.read_line();
    if (!port) {
      throw std::runtime_error("The emulator of DynamoDB did not start: " + process_.errors());
    }
    endpoint_ = "http://127.0.0.1:" + *port;
  }

  const std::string& endpoint() const { return endpoint_; }

 private:
  static std::string server() {
    const fs::path folder = RHOOKS_DYNALITE_DIR;
    if (!fs::exists(folder / "node_modules" / "dynalite")) {
      throw std::runtime_error(std::string("The emulator of DynamoDB is not installed.") +
                               kWhatToDo);
    }
    return (folder / "server.js").string();
  }

  ChildProcess process_;
  std::string endpoint_;
};

}  // namespace

std::string dynalite_endpoint() {
  const char* const given = std::getenv("RHOOKS_TEST_DYNAMODB");
  if (given && *given) return given;
  static const Dynalite own;
  return own.endpoint();
}

}  // namespace rhooks::testing
