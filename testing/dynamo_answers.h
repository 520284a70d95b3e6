#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "testing/dynamo_capacity.h"
#include "testing/dynamo_operations.h"
#include "testing/dynamo_upstream.h"

// Small pieces of requests and answers that the proxy's operations share.
namespace rhooks::testing {

std::string text_of(const boost::json::object& object, std::string_view name,
                    std::string_view otherwise = {});
// Moves a member out; none where it is missing.
std::optional<boost::json::object> take_object(boost::json::object& object, std::string_view name);

// The table's key in an item; empty where one of its attributes is missing.
boost::json::object key_of(const DynamoTable& table, const boost::json::object& item);

DynamoAnswer validation_error(std::string_view message);

DynamoCost as_cost(const WriteCost& cost);
// As ReturnConsumedCapacity asks for it: "TOTAL" or "INDEXES".
boost::json::object consumed_capacity(const std::string& table, const WriteCost& cost,
                                      std::string_view wanted);

}  // namespace rhooks::testing
