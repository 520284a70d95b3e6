#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/dynamo/schema.h"

// What tables look like: as the store needs them, and as DescribeTable tells of one
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html).
// Pure: no I/O.
namespace rhooks::store::dynamo {

inline constexpr std::string_view kOnDemand = "PAY_PER_REQUEST";

// A key attribute. An empty name: there is none.
struct KeyPart {
  std::string name;
  std::string type;  // "S", "N", "B"

  friend bool operator==(const KeyPart&, const KeyPart&) = default;
};

struct KeyShape {
  KeyPart partition;
  KeyPart sort;

  friend bool operator==(const KeyShape&, const KeyShape&) = default;
};

struct IndexShape {
  std::string name;
  KeyShape key;
  std::string projection;             // "KEYS_ONLY", "INCLUDE", "ALL"
  std::vector<std::string> included;  // beside the keys, where INCLUDE
  // Of tables that exist:
  std::string status;  // "ACTIVE"; with ", backfilling" while it is being filled
  std::int64_t items = 0;
  std::int64_t bytes = 0;
};

struct TableShape {
  std::string name;
  KeyShape key;
  std::vector<IndexShape> indexes;  // global ones
  // Of tables that exist:
  std::string status;
  std::string billing;  // kOnDemand, "PROVISIONED"
  std::int64_t items = 0;
  std::int64_t bytes = 0;
};

// What schema.h says.
TableShape tasks_shape(const std::string& name);
TableShape logs_shape(const std::string& name);

// The request that makes the table: on-demand billing, all indexes at once.
boost::json::object create_table_body(const TableShape& shape);

// The request that adds the index to a table that exists and is billed on demand. AWS takes one at
// a time (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html).
boost::json::object add_index_body(const TableShape& found, const IndexShape& index);

// The answer of DescribeTable. What is missing in it is left empty, and differs.
TableShape read_table(const boost::json::object& reply);

// What keeps the store from working on `found`, one sentence each; none where it can. Further
// indexes, and projections of more than is needed, are fine.
std::vector<std::string> differences(const TableShape& needed, const TableShape& found);

// The indexes of `needed` that `found` does not have: those that can be added. Points into
// `needed`.
std::vector<const IndexShape*> missing_indexes(const TableShape& needed, const TableShape& found);

// What DynamoDB is changing, and adds no index meanwhile; empty: nothing.
std::string change_under_way(const TableShape& found);

// Whether all that `needed` has can be used now. `waiting_for` is set where not.
bool is_active(const TableShape& needed, const TableShape& found, std::string& waiting_for);

std::string to_string(const KeyShape& key);            // "ns (S), id (S)"
std::string projection_text(const IndexShape& index);  // "INCLUDE st"

}  // namespace rhooks::store::dynamo
