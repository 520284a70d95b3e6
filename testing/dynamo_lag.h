#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "testing/dynamo_capacity.h"
#include "testing/dynamo_upstream.h"

namespace rhooks::testing {

// Indexes that lag, as DynamoDB's do: each write shows in them only after a time that is drawn
// anew for it, so that writes to different items may show out of order; those to one item do
// not.
//
// How: for each table that is written or queried while there is a lag, a second table of the
// same shape is made in the emulator and filled by a scan. Writes reach it late, and index
// queries are answered from it, with the conditions, order, pages and limits of a real index.
// What is written past the proxy meanwhile does not show.
//
// Threads: the one that runs the io_context. Blocking: none.
class DynamoLag {
 public:
  struct Range {
    std::chrono::milliseconds min{0};
    std::chrono::milliseconds max{0};
  };
  // The table to send an index query to, and whether writes are missing in it now.
  using Answer = std::function<void(const std::string& table, bool behind)>;

  DynamoLag(boost::asio::io_context& io, DynamoUpstream& upstream, std::uint64_t seed);
  ~DynamoLag();

  // None: no lag. What waits is then shown at once, as queries go to the real index again.
  void set(std::optional<Range> range);

  // Calls `then` once writes to the table may go on: at once, unless the copy is being made.
  void before_write(const std::string& table, std::function<void()> then);
  // A write was applied; `after` is null for a removed item. Writes to one item in their order.
  void applied(const DynamoTable& table, const boost::json::object& key,
               const boost::json::object* after);

  void index_table(const std::string& table, Answer answer);

 private:
  class Copy;

  Copy& copy_of(const std::string& table);

  boost::asio::io_context& io_;
  DynamoUpstream& upstream_;
  std::mt19937_64 random_;
  std::optional<Range> range_;
  std::map<std::string, std::shared_ptr<Copy>> copies_;
};

}  // namespace rhooks::testing
