#pragma once

#include <rhooks/result.h>

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Attribute values as the low-level API writes them: {"S":"text"}, {"N":"12"}, {"B":"base64"}
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html).
namespace rhooks::store::dynamo {

using Item = boost::json::object;

boost::json::object text_value(std::string_view text);
boost::json::object number_value(std::int64_t number);
boost::json::object bytes_value(std::string_view bytes);

// Each gives none where the attribute is missing or of another type.
std::optional<std::string> text_of(const Item& item, std::string_view name);
std::optional<std::int64_t> number_of(const Item& item, std::string_view name);
std::optional<std::string> bytes_of(const Item& item, std::string_view name);

// The size that AWS counts: names and values
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
std::size_t item_bytes(const Item& item);

}  // namespace rhooks::store::dynamo
