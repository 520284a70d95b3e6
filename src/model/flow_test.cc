#include "model/flow.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace rhooks::model {
namespace {

TEST(FlowTest, AUrlBelongsToItsOrigin) {
  const std::vector<std::vector<std::string>> same{
      {"https://api.example.com", "https://API.example.COM/a?b#c", "HTTPS://api.example.com:443/",
       "https://api.example.com./x", "https://api.example.com:/", "https://api.example.com?q=1:2"},
      {"http://api.example.com", "http://api.example.com:80/", "http://api.example.com.:80#x"},
      {"https://api.example.com:80"},
      {"http://api.example.com:443"},
      {"http://api.example.com:8080/a:b"},
      {"http://[::1]/", "http://[::1]:80/x", "HTTP://[::1]#"},
      {"http://[::1]:8080/", "http://[::1]:8080"},
      {"http://[::1:8080]/"},
      {"http://other.example.com"},
      {""},
  };
  std::set<std::uint64_t> hashes;
  for (const auto& urls : same) {
    const std::uint64_t first = receiver_hash(urls.front());
    for (const std::string& url : urls) EXPECT_EQ(receiver_hash(url), first) << url;
    EXPECT_TRUE(hashes.insert(first).second) << urls.front();
    EXPECT_NE(first, 0U);
  }
}

TEST(FlowTest, NamespacesHaveFlowsOfTheirOwn) {
  const auto flow = [](const char* ns, const char* url) {
    Task task;
    task.key = {ns, "id"};
    task.request.url = url;
    return flow_of(task);
  };
  EXPECT_EQ(flow("a", "http://x/1"), flow("a", "http://x/2"));
  EXPECT_NE(flow("a", "http://x"), flow("b", "http://x"));
  EXPECT_NE(flow("a", "http://x"), flow("a", "http://y"));
  EXPECT_EQ(flow("a", "http://x").ns, namespace_hash("a"));
  EXPECT_EQ(flow("a", "http://x").receiver, receiver_hash("http://x"));
  EXPECT_EQ(flow("a", "http://x").endpoint, 0U);
}

TEST(FlowTest, TasksOfAnEndpointAreOfItsFlowOrThatOfTheirKey) {
  Task task;
  task.key = {"ns", "id"};
  task.endpoint = "acme";
  task.request.url = "/orders";
  const Flow flow = flow_of(task);
  EXPECT_EQ(flow, (Flow{namespace_hash("ns"), endpoint_hash("acme")}));
  EXPECT_EQ(flow.endpoint, endpoint_hash("acme"));
  task.request.url.clear();
  EXPECT_EQ(flow_of(task), flow);

  task.flow_key = "customer 42";
  const Flow keyed = flow_of(task);
  EXPECT_NE(keyed, flow);
  EXPECT_EQ(keyed.receiver, flow_hash("acme", "customer 42"));
  EXPECT_EQ(keyed.endpoint, endpoint_hash("acme"));
  task.endpoint = "acmecustomer";
  task.flow_key = " 42";
  EXPECT_NE(flow_of(task), keyed);
  EXPECT_NE(flow_of(task).endpoint, keyed.endpoint);
}

// A lane and a row of the store may tell of a flow without its endpoint.
TEST(FlowTest, TheEndpointIsNoPartOfWhatAFlowIs) {
  EXPECT_EQ((Flow{1, 2, 3}), (Flow{1, 2}));
  EXPECT_EQ(HashOfFlow()(Flow{1, 2, 3}), HashOfFlow()(Flow{1, 2}));
}

// They stand in stored bytes. The figures of the hash itself are those of draft-eastlake-fnv,
// appendix C.
TEST(FlowTest, HashesStayAsTheyAre) {
  EXPECT_EQ(namespace_hash(""), 0xcbf29ce484222325U);
  EXPECT_EQ(namespace_hash("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(namespace_hash("foobar"), 0x85944171f73967e8U);
  EXPECT_EQ(receiver_hash("http://Foobar/"), namespace_hash("http:foobar"));
  EXPECT_EQ(receiver_hash("http://foobar:81/"), namespace_hash("http:foobar:81"));
  EXPECT_EQ(endpoint_hash("acme"), namespace_hash("@acme"));
  EXPECT_EQ(flow_hash("acme", ""), namespace_hash("@acme"));
  EXPECT_EQ(flow_hash("acme", "key"), namespace_hash(std::string_view("@acme\0key", 9)));
}

}  // namespace
}  // namespace rhooks::model
