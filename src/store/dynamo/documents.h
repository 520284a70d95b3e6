#pragma once

#include <rhooks/result.h>

#include <optional>
#include <string>

#include "store/document.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"
#include "store/dynamo/dynamo_store.h"

namespace rhooks::store::dynamo {

// Documents: an item each in the table of tasks, and one conditional write for each change of it,
// on the revision that was seen. Contract: see Store.
//
// Threads: every method may be called from any thread. Blocking: all wait for answers.
class Documents {
 public:
  Documents(Client& client, std::string table, const DynamoTuning& tuning)
      : client_(client), table_(std::move(table)), tuning_(tuning) {}

  Result<void> put(const StoredDocument& document, const Replaces& replaces);
  Result<StoredDocument> get(const DocumentKey& key);
  Result<void> remove(const DocumentKey& key, const std::optional<Revision>& revision);
  Result<DocumentPage> page(const DocumentQuery& query);

 private:
  // None: there is no such document.
  Result<std::optional<Item>> read(const DocumentKey& key);
  // What is there after a failed condition.
  Result<std::optional<Item>> item_now(const DocumentKey& key, const Reply& refused);
  // Sends the call for as long as the document has that revision; none: while there is none.
  Result<Reply> send_if(const std::optional<Revision>& seen, Call call);

  Client& client_;
  const std::string table_;
  const DynamoTuning tuning_;
};

}  // namespace rhooks::store::dynamo
