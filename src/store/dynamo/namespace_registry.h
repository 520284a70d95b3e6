#pragma once

#include <rhooks/result.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/dynamo/batch_requests.h"
#include "store/dynamo/client.h"
#include "store/store.h"

namespace rhooks::store::dynamo {

// Which namespaces there are: a table cannot be asked for its partition keys short of reading it
// whole. An item for each, which is put before the namespace's first task and stays when its last
// one is deleted: whoever knows that it was put does not put it again. So a namespace of the list
// may be empty, and each is looked into before it is shown.
//
// Threads: every method may be called from any thread. Blocking: all wait for answers.
class NamespaceRegistry {
 public:
  NamespaceRegistry(Client& client, BatchRequests& batches, std::string table)
      : client_(client), batches_(batches), table_(std::move(table)) {}

  // Sees to it that these are listed: a write for each that this process has not listed before.
  // Returns those for which that failed, and why. Safe to repeat.
  std::map<std::string, Error> add(const std::set<std::string>& namespaces, Tries tries);

  // A page of those that hold a task: consistent reads of the list and of one key of each.
  Result<NamespacePage> page(const NamespaceQuery& query);

 private:
  // Which of these hold a task.
  Result<std::vector<bool>> filled(const std::vector<std::string>& namespaces);

  Client& client_;
  BatchRequests& batches_;
  const std::string table_;

  Mutex mutex_;
  std::set<std::string> listed_ RHOOKS_GUARDED_BY(mutex_);  // by this process; bounded
};

}  // namespace rhooks::store::dynamo
