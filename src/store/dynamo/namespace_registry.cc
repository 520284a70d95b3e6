#include "store/dynamo/namespace_registry.h"

#include <algorithm>
#include <boost/json.hpp>

#include "store/dynamo/items.h"
#include "store/dynamo/row_reader.h"
#include "store/dynamo/schema.h"
#include "store/dynamo/store_impl.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

// What this process remembers to have listed; past that it forgets, and lists once more.
constexpr std::size_t kListedMax = 100'000;
// Namespaces that one call looks into, at most; the page ends there.
constexpr std::size_t kLookedIntoMax = 1'000;

}  // namespace

std::map<std::string, Error> NamespaceRegistry::add(const std::set<std::string>& namespaces,
                                                    Tries tries) {
  std::vector<std::string> missing;
  {
    const MutexLock lock(mutex_);
    for (const std::string& ns : namespaces) {
      if (!listed_.contains(ns)) missing.push_back(ns);
    }
  }
  std::map<std::string, Error> failed;
  if (missing.empty()) return failed;
  std::vector<Item> items;
  for (const std::string& ns : missing) items.push_back(key_item(kNamespaces, ns));
  const auto put = batches_.put(table_, std::move(items), tries);
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (!put[i]) {
      failed.emplace(missing[i], put[i].error());
      continue;
    }
    if (listed_.size() >= kListedMax) listed_.clear();
    listed_.insert(missing[i]);
  }
  return failed;
}

Result<NamespacePage> NamespaceRegistry::page(const NamespaceQuery& query) {
  NamespacePage page;
  if (query.limit == 0) return page;
  RowReader::Options options{.table = table_,
                             .index = {},
                             .partition_key = "ns",
                             .partition = std::string(kNamespaces),
                             .sort_key = "id",
                             .range = keys_with(query.prefix),
                             .desc = false,
                             .after = query.after,
                             .filter = {},
                             .filter_values = {}};
  RowReader reader(client_, std::move(options));
  std::string last;  // looked into
  while (!reader.ended()) {
    const std::size_t missing = query.limit - page.items.size();
    const auto rows = reader.next(std::min(missing + 1, kLookedIntoMax));
    if (!rows) return fail(rows.error());
    std::vector<std::string> names;
    for (const Item& row : *rows) names.push_back(key_of(row).id);
    const auto there = filled(names);
    if (!there) return fail(there.error());
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!(*there)[i]) continue;
      if (page.items.size() == query.limit) {
        page.next = page.items.back();
        return page;
      }
      page.items.push_back(names[i]);
    }
    if (!names.empty()) last = names.back();
    if (!reader.ended() && reader.looked_at() >= kLookedIntoMax) {
      page.next = last;
      return page;
    }
  }
  return page;
}

Result<std::vector<bool>> NamespaceRegistry::filled(const std::vector<std::string>& namespaces) {
  std::vector<Call> calls;
  for (const std::string& ns : namespaces) {
    calls.push_back({Operation::kQuery,
                     {{"TableName", table_},
                      {"KeyConditionExpression", "ns = :ns"},
                      {"ExpressionAttributeValues", {{":ns", text_value(ns)}}},
                      {"ConsistentRead", true},
                      {"Limit", 1}}});
  }
  std::vector<bool> filled;
  for (auto& reply : client_.call_all(std::move(calls))) {
    const auto answer = answer_of(std::move(reply), table_);
    if (!answer) return fail(answer.error());
    const json::value* const items = answer->if_contains("Items");
    filled.push_back(items != nullptr && items->is_array() && !items->get_array().empty());
  }
  return filled;
}

}  // namespace rhooks::store::dynamo
