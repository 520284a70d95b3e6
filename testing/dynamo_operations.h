#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "testing/dynamo_capacity.h"
#include "testing/dynamo_lag.h"
#include "testing/dynamo_upstream.h"

namespace rhooks::testing {

// What one operation has cost on one table.
struct DynamoCost {
  double wcu = 0;        // of the table and its indexes
  double index_wcu = 0;  // the part of its indexes
  double rcu = 0;
};

// The operations of DynamoDB, by the emulator and with what it lacks: capacity by AWS's rules in
// ConsumedCapacity, ReturnValuesOnConditionCheckFailure, TimeToLive calls, batches that are done
// in part, and indexes that lag.
//
// Before- and after-images of writes are exact as long as all writes come this way: writes to
// one item go one after the other.
//
// Threads: the one that runs the io_context. Blocking: none.
class DynamoOperations {
 public:
  using Done = std::function<void(DynamoAnswer)>;
  struct Events {
    std::function<void(const std::string& operation, const std::string& table, DynamoCost)> cost;
    std::function<void()> stale_query;  // an index query missed writes
  };

  DynamoOperations(boost::asio::io_context& io, const std::string& emulator, std::uint64_t seed,
                   Events events);

  // Calls `done` once, maybe before it returns.
  void run(const std::string& operation, boost::json::object body, Done done);

  // Takes a part, drawn, of a BatchWriteItem's or BatchGetItem's requests out of `body`, and gives
  // what the answer has to name as unprocessed. Never all: that would be a throttle.
  boost::json::object take_unprocessed(const std::string& operation, boost::json::object& body,
                                       std::size_t* taken);

  DynamoLag& lag() { return lag_; }

 private:
  struct Write;
  struct Batch;
  using TablePtr = std::shared_ptr<const DynamoTable>;

  void with_table(const std::string& name, std::function<void(TablePtr)> then);
  void lock(const std::string& key, std::function<void()> then);
  void unlock(const std::string& key);
  void read_item(const std::string& table, const boost::json::object& key, Done done);

  void pass(const std::string& operation, const boost::json::object& body, Done done);
  void read(const std::string& operation, boost::json::object body, Done done);
  void index_query(const std::string& operation, boost::json::object body, Done done);
  void time_to_live(const std::string& operation, const boost::json::object& body, Done done);

  void write(const std::string& operation, boost::json::object body, Done done);
  void forward(std::shared_ptr<Write> write);
  static void conclude(const std::shared_ptr<Write>& write, const DynamoAnswer& answer);
  void finish(const std::shared_ptr<Write>& write, DynamoAnswer answer);

  void write_batch(boost::json::object body, Done done);
  void prepare_batch(std::shared_ptr<Batch> batch, std::size_t table);
  void lock_batch(std::shared_ptr<Batch> batch, std::size_t at);
  void forward_batch(std::shared_ptr<Batch> batch);
  void read_before(std::shared_ptr<Batch> batch, boost::json::object wanted);
  void finish_batch(const std::shared_ptr<Batch>& batch, DynamoAnswer answer);

  DynamoUpstream upstream_;
  DynamoLag lag_;
  std::mt19937_64 random_;
  const Events events_;
  std::map<std::string, TablePtr> tables_;
  std::map<std::string, std::string> ttl_attributes_;  // by table, where TimeToLive is on
  // Who waits for an item; an entry exists while the item is locked.
  std::unordered_map<std::string, std::deque<std::function<void()>>> locks_;
};

}  // namespace rhooks::testing
