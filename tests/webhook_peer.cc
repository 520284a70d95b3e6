#include "tests/webhook_peer.h"

#include <boost/json.hpp>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "base/ascii.h"
#include "testing/child_process.h"

namespace rhooks::testing {

namespace json = boost::json;

std::vector<std::string> node_answers(const std::string& lines_of_json) {
  if (!std::filesystem::exists(RHOOKS_WEBHOOK_PEERS "/node_modules/standardwebhooks")) {
    throw std::runtime_error(
        "standardwebhooks is not installed: run scripts/test.sh, which does it, or `npm ci` in "
        "testing/webhook_peers/");
  }
  ChildProcess node({find_program("node").value(), RHOOKS_WEBHOOK_PEERS "/receiver.js"}, {},
                    lines_of_json);
  if (node.wait() != 0) throw std::runtime_error("node: " + node.errors());
  std::vector<std::string> answers;
  const std::string output = node.output();
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) answers.push_back(line);
  return answers;
}

std::vector<std::string> peer_answers(const std::vector<PeerQuestion>& questions) {
  std::string input;
  for (const PeerQuestion& one : questions) {
    json::object headers;
    for (const Header& header : one.headers) headers[lower_case(header.name)] = header.value;
    input += json::serialize(
                 json::object{{"secret", one.secret}, {"headers", headers}, {"body", one.body}}) +
             "\n";
  }
  return node_answers(input);
}

}  // namespace rhooks::testing
