#include <stdexcept>

#include "testing/simulator/dynamo_backend.h"
#include "testing/simulator/memory_backend.h"
#include "testing/simulator/rocks_backend.h"
#include "testing/simulator/simulation.h"

namespace rhooks::simulator {
namespace {

template <typename Kind>
MakeBackend make() {
  return [](Timeline& timeline, StoreObserver& observer, const StoreFaults& faults) {
    return std::make_unique<Kind>(timeline, faults, observer);
  };
}

}  // namespace

const std::vector<std::string>& backend_names() {
  static const std::vector<std::string> names{"memory", "rocksdb", "dynamodb"};
  return names;
}

MakeBackend backend_of(const std::string& name) {
  if (name == "memory") return make<MemoryBackend>();
  if (name == "rocksdb") return make<RocksBackend>();
  if (name == "dynamodb") return make<DynamoBackend>();
  throw std::invalid_argument("there is no backend '" + name + "'");
}

}  // namespace rhooks::simulator
