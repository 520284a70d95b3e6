#pragma once

#include <rhooks/result.h>

#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/limits.h"
#include "store/dynamo/attributes.h"
#include "store/dynamo/client.h"

namespace rhooks::store::dynamo {

// The range of sort keys that a query is about; both ends belong to it.
struct KeyRange {
  std::string from;               // empty: from the first
  std::optional<std::string> to;  // none: to the last
};

// Those that begin with `prefix`, where no sort key is longer; ids and namespaces are not.
KeyRange keys_with(const std::string& prefix, std::size_t bytes_max = model::kIdBytesMax);

// Reads the rows of one partition of a table or index, in the order of their sort key, from
// after a given position. One request a call of next().
class RowReader {
 public:
  struct Options {
    std::string table;
    std::string index;          // empty: the table itself, read consistently
    std::string partition_key;  // its name
    std::string partition;      // its value
    std::string sort_key;       // its name; a text
    KeyRange range;
    bool desc = false;
    std::optional<std::string> after;  // a sort key; rows up to it are passed over
    std::string filter;                // a FilterExpression; empty: none
    boost::json::object filter_values;
  };

  RowReader(Client& client, Options options);

  // The next rows that pass the filter, of at most `looked_at` that are looked at.
  Result<std::vector<Item>> next(std::size_t looked_at);
  bool ended() const { return ended_; }
  // The sort key of the last row that was looked at; none: no row was.
  const std::optional<std::string>& position() const { return position_; }
  // Rows looked at so far.
  std::size_t looked_at() const { return looked_at_; }

 private:
  boost::json::object request(std::size_t looked_at) const;

  Client& client_;
  Options options_;
  boost::json::object start_key_;
  std::optional<std::string> position_;
  std::size_t looked_at_ = 0;
  bool ended_ = false;
};

}  // namespace rhooks::store::dynamo
