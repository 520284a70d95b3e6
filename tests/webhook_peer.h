#pragma once

#include <rhooks/task.h>

#include <string>
#include <vector>

// Another receiver of Standard Webhooks: the package of npm (testing/webhook_peers/).
namespace rhooks::testing {

struct PeerQuestion {
  std::string secret;
  std::vector<Header> headers;  // of the webhook, at least its three
  std::string body;             // UTF-8
};

// Of each webhook "good", or why it is refused. Throws std::runtime_error where the package is not
// installed.
std::vector<std::string> peer_answers(const std::vector<PeerQuestion>& questions);

// Its answers to questions as receiver.js has them, a line of JSON each.
std::vector<std::string> node_answers(const std::string& lines_of_json);

}  // namespace rhooks::testing
