#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

// What DynamoDB charges, by its documented rules, since the emulator leaves the indexes out:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html,
// .../CapacityUnitCalculations.html (sizes) and .../GSI.html#GSI.ThroughputConsiderations.Writes.
namespace rhooks::testing {

struct DynamoIndex {
  std::string name;
  std::vector<std::string> keys;
  bool all = false;                    // projects every attribute
  std::vector<std::string> projected;  // else these, keys among them
};

struct DynamoTable {
  std::string name;
  std::vector<std::string> keys;
  std::vector<DynamoIndex> indexes;  // global ones
};

// Of the "Table" that DescribeTable answers.
DynamoTable table_of(const boost::json::object& description);

// Names and values; numbers as documented, "approximately".
std::size_t item_size(const boost::json::object& item);

struct WriteCost {
  double table = 0;
  std::map<std::string, double> indexes;  // those that were written to

  double total() const;
};

// Of one write: the item before and after it, null where there was none.
WriteCost write_cost(const DynamoTable& table, const boost::json::object* before,
                     const boost::json::object* after);

// Of a write whose condition was false.
WriteCost failed_condition_cost(const boost::json::object* existing);

}  // namespace rhooks::testing
