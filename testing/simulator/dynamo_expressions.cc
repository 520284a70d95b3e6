#include "testing/simulator/dynamo_expressions.h"

#include <algorithm>
#include <cctype>

#include "base/check.h"

namespace rhooks::simulator {
namespace {

namespace json = boost::json;
using store::dynamo::Item;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '#' || c == ':';
}

bool is_keyword(std::string_view word) {
  static const std::set<std::string_view> kKeywords = {
      "AND",        "OR", "BETWEEN", "SET", "REMOVE", "attribute_exists", "attribute_not_exists",
      "begins_with"};
  return kKeywords.contains(word);
}

int sign_of(int order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace

std::optional<int> compare(const json::value& a, const json::value& b) {
  const Item pair{{"a", a}, {"b", b}};
  if (const auto x = store::dynamo::text_of(pair, "a"), y = store::dynamo::text_of(pair, "b");
      x && y) {
    return sign_of(x->compare(*y));
  }
  if (const auto x = store::dynamo::number_of(pair, "a"), y = store::dynamo::number_of(pair, "b");
      x && y) {
    return *x < *y ? -1 : *x > *y ? 1 : 0;
  }
  if (const auto x = store::dynamo::bytes_of(pair, "a"), y = store::dynamo::bytes_of(pair, "b");
      x && y) {
    return sign_of(x->compare(*y));  // as unsigned bytes
  }
  RHOOKS_CHECK(a.as_object().begin()->key() != b.as_object().begin()->key());
  return std::nullopt;
}

Expression::Expression(const json::object& request, std::string_view name,
                       std::set<std::string>& used) {
  const json::value* const given = request.if_contains(name);
  if (!given) return;
  const std::string_view text = given->as_string();
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    Token token;
    if (end == at) {
      end = at + (text.substr(at, 2) == "<=" || text.substr(at, 2) == ">=" ? 2 : 1);
      token.text = text.substr(at, end - at);
      RHOOKS_CHECK(std::string_view("()=<>,").find(token.text.front()) != std::string_view::npos);
    } else {
      token.text = text.substr(at, end - at);
      if (token.text.front() == ':') {
        used.insert(token.text);
        token.kind = Token::Kind::kValue;
        token.value = &request.at("ExpressionAttributeValues").as_object().at(token.text);
      } else if (token.text.front() == '#') {
        used.insert(token.text);
        token.kind = Token::Kind::kAttribute;
        token.text =
            request.at("ExpressionAttributeNames").as_object().at(token.text).as_string().c_str();
      } else if (!is_keyword(token.text)) {
        token.kind = Token::Kind::kAttribute;
      }
    }
    tokens_.push_back(std::move(token));
    at = end;
  }
}

struct Expression::Reader {
  const std::vector<Token>& tokens;
  const Item& item;
  std::size_t at = 0;

  bool ended() const { return at == tokens.size(); }
  bool take(std::string_view text) {
    if (ended() || tokens[at].kind != Token::Kind::kSign || tokens[at].text != text) return false;
    ++at;
    return true;
  }
  void expect(std::string_view text) { RHOOKS_CHECK(take(text)); }
  const std::string& attribute() {
    RHOOKS_CHECK(!ended() && tokens[at].kind == Token::Kind::kAttribute);
    return tokens[at++].text;
  }
  const json::value& value() {
    RHOOKS_CHECK(!ended() && tokens[at].kind == Token::Kind::kValue);
    return *tokens[at++].value;
  }

  bool any() {
    bool result = all();
    while (take("OR")) result = all() || result;
    return result;
  }
  bool all() {
    bool result = one();
    while (take("AND")) result = one() && result;
    return result;
  }
  bool one() {
    if (take("(")) {
      const bool result = any();
      expect(")");
      return result;
    }
    for (const bool wanted : {true, false}) {
      if (!take(wanted ? "attribute_exists" : "attribute_not_exists")) continue;
      expect("(");
      const bool exists = item.contains(attribute());
      expect(")");
      return exists == wanted;
    }
    if (take("begins_with")) {
      expect("(");
      const auto text = store::dynamo::text_of(item, attribute());
      expect(",");
      const auto prefix = store::dynamo::text_of(Item{{"p", value()}}, "p");
      RHOOKS_CHECK(prefix);
      expect(")");
      return text && text->starts_with(*prefix);
    }
    const json::value* const left = item.if_contains(attribute());
    if (take("BETWEEN")) {
      const json::value& least = value();
      expect("AND");
      const json::value& most = value();
      return holds(left, ">=", least) && holds(left, "<=", most);
    }
    RHOOKS_CHECK(!ended());
    const std::string& comparison = tokens[at++].text;
    return holds(left, comparison, value());
  }
  static bool holds(const json::value* left, std::string_view comparison,
                    const json::value& right) {
    const auto order = left ? compare(*left, right) : std::nullopt;
    if (comparison == "=") return order && *order == 0;
    if (comparison == "<") return order && *order < 0;
    if (comparison == "<=") return order && *order <= 0;
    if (comparison == ">") return order && *order > 0;
    RHOOKS_CHECK(comparison == ">=");
    return order && *order >= 0;
  }
};

bool Expression::holds(const Item& item) const {
  if (empty()) return true;
  Reader reader{tokens_, item};
  const bool result = reader.any();
  RHOOKS_CHECK(reader.ended());
  return result;
}

bool Expression::speaks_of(std::string_view attribute) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return token.kind == Token::Kind::kAttribute && token.text == attribute;
  });
}

const json::value* Expression::bound(std::string_view attribute, std::string_view sign,
                                     std::size_t after) const {
  for (std::size_t i = 0; i + 1 + after < tokens_.size(); ++i) {
    if (tokens_[i].kind == Token::Kind::kAttribute && tokens_[i].text == attribute &&
        tokens_[i + 1].text == sign) {
      return tokens_[i + 1 + after].value;
    }
  }
  return nullptr;
}

const json::value& Expression::equal_to(std::string_view attribute) const {
  const json::value* const value = bound(attribute, "=", 1);
  RHOOKS_CHECK(value);
  return *value;
}

const json::value* Expression::least(std::string_view attribute) const {
  const json::value* const value = bound(attribute, "BETWEEN", 1);
  return value ? value : bound(attribute, ">=", 1);
}

const json::value* Expression::most(std::string_view attribute) const {
  const json::value* const value = bound(attribute, "BETWEEN", 3);
  return value ? value : bound(attribute, "<=", 1);
}

void Expression::update(Item& item) const {
  Reader reader{tokens_, item};
  RHOOKS_CHECK(!reader.ended());
  while (!reader.ended()) {
    const bool set = reader.take("SET");
    if (!set) reader.expect("REMOVE");
    do {
      const std::string& name = reader.attribute();
      if (set) {
        reader.expect("=");
        item[name] = reader.value();
      } else {
        item.erase(name);
      }
    } while (reader.take(","));
  }
}

Item Expression::projected(const Item& item) const {
  if (empty()) return item;
  Item kept;
  Reader reader{tokens_, item};
  do {
    const std::string& name = reader.attribute();
    if (const json::value* const value = item.if_contains(name)) kept[name] = *value;
  } while (reader.take(","));
  RHOOKS_CHECK(reader.ended());
  return kept;
}

void check_all_used(const json::object& request, const std::set<std::string>& used) {
  for (const char* const given : {"ExpressionAttributeNames", "ExpressionAttributeValues"}) {
    const json::value* const all = request.if_contains(given);
    if (!all) continue;
    RHOOKS_CHECK(!all->as_object().empty());
    for (const auto& one : all->as_object()) RHOOKS_CHECK(used.contains(std::string(one.key())));
  }
}

}  // namespace rhooks::simulator
