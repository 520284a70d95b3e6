#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/dynamo/attributes.h"

namespace rhooks::simulator {

// What two attribute values ({"N":"12"}) compare as; none where they are of different types.
std::optional<int> compare(const boost::json::value& a, const boost::json::value& b);

// An expression of one request, with its names and values filled in. It knows what the store
// writes, and no more: SET and REMOVE; AND, OR, parentheses, =, <, <=, >, >=, BETWEEN,
// begins_with, attribute_exists, attribute_not_exists; a projection's list of names. Anything
// else fails a check: a simulation of what it does not know would prove nothing.
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html)
class Expression {
 public:
  // `name` is that of the expression in the request; without one it is empty. The request must
  // outlive it. What it names and uses is added to `used`.
  Expression(const boost::json::object& request, std::string_view name,
             std::set<std::string>& used);

  bool empty() const { return tokens_.empty(); }
  bool speaks_of(std::string_view attribute) const;
  // Whether the condition holds; none is one that holds. `item` is empty where there is none.
  bool holds(const store::dynamo::Item& item) const;
  // The value that a key condition asks this attribute to equal.
  const boost::json::value& equal_to(std::string_view attribute) const;
  // The least and the greatest value that it allows this attribute, or null, as far as they can
  // be told without a look at an item.
  const boost::json::value* least(std::string_view attribute) const;
  const boost::json::value* most(std::string_view attribute) const;
  void update(store::dynamo::Item& item) const;
  store::dynamo::Item projected(const store::dynamo::Item& item) const;

 private:
  struct Token {
    enum class Kind { kSign, kAttribute, kValue };
    Kind kind = Kind::kSign;
    std::string text;                           // the sign or word, or the attribute's name
    const boost::json::value* value = nullptr;  // of kValue
  };
  // The value so many tokens after the attribute and one of these signs.
  const boost::json::value* bound(std::string_view attribute, std::string_view sign,
                                  std::size_t after) const;

  // Goes through the tokens once, for one item.
  struct Reader;

  std::vector<Token> tokens_;
};

// What the request names and gives and no expression uses is an error of the service's.
void check_all_used(const boost::json::object& request, const std::set<std::string>& used);

}  // namespace rhooks::simulator
