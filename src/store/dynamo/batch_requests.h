#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"

namespace rhooks::store::dynamo {

// Requests of many items, in chunks as large as the service takes and all at once; what the
// service left unprocessed is sent again, with growing waits, a few times.
// Threads: every method may be called from any thread. Blocking: all wait for answers.
class BatchRequests {
 public:
  BatchRequests(Client& client, Random& random) : client_(client), random_(random) {}

  using Items = std::map<TaskKey, Item>;  // by ns and id
  // What is there under these keys, read consistently. All or nothing.
  Result<Items> get(const std::string& table, const std::vector<TaskKey>& keys);

  // Each gives a result for each item, in order. Safe to repeat. Tries::kOne: what is left
  // unprocessed is not sent again.
  std::vector<Result<void>> put(const std::string& table, std::vector<Item> items,
                                Tries tries = Tries::kMany);
  std::vector<Result<void>> remove(const std::string& table, const std::vector<TaskKey>& keys,
                                   Tries tries = Tries::kMany);

 private:
  std::vector<Result<void>> write(const std::string& table, const std::vector<TaskKey>& keys,
                                  std::vector<boost::json::object> requests, Tries tries);
  void back_off(int tries);

  Client& client_;
  Random& random_;
};

}  // namespace rhooks::store::dynamo
