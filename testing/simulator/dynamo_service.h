#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"
#include "store/dynamo/schema.h"
#include "testing/simulator/timeline.h"

namespace rhooks::simulator {

// DynamoDB as the store uses it: its two tables and their indexes, in memory, by the service's
// rules. A request takes effect at once and whole, or is refused by its condition; how long it
// is on its way is the client's matter. A request that the service would call malformed, and
// anything that the store is not known to use, fails a check.
//
// Indexes lag: every write shows in them after a time that is drawn for it, writes to one item
// in their order.
//
// Threads: every method may be called from any thread.
class DynamoService {
 public:
  using Item = store::dynamo::Item;

  // What a write did to one item: none where there was or is none.
  struct Change {
    const store::dynamo::Call& call;
    const std::string& table;
    const std::optional<Item>& before;
    const std::optional<Item>& after;
  };
  struct Options {
    store::dynamo::Tables tables;
    Duration index_lag_max{0};
    // Told of each change at its moment. Without waits.
    std::function<void(const Change&)> on_change;
  };

  DynamoService(Timeline& timeline, Options options);

  // How it treats a request.
  struct Treatment {
    double partial = 0;             // the chance that of a batch only some items are done
    bool indexes_are_late = false;  // else they show what is there now
  };
  store::dynamo::Reply run(const store::dynamo::Call& call, const Treatment& treatment);

  std::optional<Item> item(const std::string& table, const Item& key) const;

 private:
  using KeyPart = std::variant<std::int64_t, std::string>;
  using RowKey = std::vector<KeyPart>;  // partition, sort key, what orders their equals
  using Rows = std::map<RowKey, Item>;

  struct Index {
    std::string name;
    std::string partition;
    std::string sort;
    std::vector<std::string> included;

    Rows rows;  // as they are
    Rows late;  // as they are shown
    std::map<RowKey, RowKey> late_at;
    std::multimap<Moment, std::pair<RowKey, std::optional<Item>>> coming;
    std::map<RowKey, Moment> latest;  // of those that are coming
  };
  struct Table {
    std::string name;
    Rows rows;
    std::vector<Index> indexes;
  };

  Table& table_of(const boost::json::object& request);
  Table& table_named(std::string_view name);
  static KeyPart key_part(const Item& item, std::string_view name);
  static KeyPart next_part(const KeyPart& part);
  static RowKey row_key(const Item& item);
  static RowKey row_key(const Index& index, const Item& item);

  store::dynamo::Reply get(const boost::json::object& request);
  store::dynamo::Reply write_one(const store::dynamo::Call& call);
  store::dynamo::Reply query(const boost::json::object& request, bool late);
  store::dynamo::Reply batch_get(const boost::json::object& request, double partial);
  store::dynamo::Reply batch_write(const store::dynamo::Call& call, double partial);

  void write(const store::dynamo::Call& call, Table& table, const RowKey& key,
             std::optional<Item> after);
  void into_index(Index& index, const RowKey& key, const std::optional<Item>& before,
                  const std::optional<Item>& after);
  void show(Index& index);
  // How many of so many items of a batch are done; at least one.
  std::size_t done_of(std::size_t items, double partial);

  Timeline& timeline_;
  const Options options_;
  mutable std::recursive_mutex mutex_;  // who is told of a change may look at items
  std::vector<Table> tables_;
};

}  // namespace rhooks::simulator
