#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace rhooks::rest {

// A queue in which those who wait take turns: first one item of each, then the next of each. So
// one who sends thousands holds up himself, and nobody else for longer than an item takes.
//
// Not for use by several threads at once.
template <typename Who, typename Item>
class Turns {
 public:
  void push(const Who& who, Item item) {
    std::deque<Item>& own = items_[who];
    own.push_back(std::move(item));
    try {
      if (own.size() == 1) order_.push_back(who);
    } catch (...) {  // no memory
      own.pop_back();
      throw;
    }
    ++size_;
  }

  // The item whose turn it is; null where nobody waits.
  const Item* front() const {
    return order_.empty() ? nullptr : &items_.at(order_.front()).front();
  }

  // Takes it out.
  std::optional<Item> pop() {
    if (order_.empty()) return std::nullopt;
    const auto own = items_.find(order_.front());
    if (own->second.size() > 1) order_.push_back(order_.front());
    order_.pop_front();
    std::optional<Item> item(std::move(own->second.front()));
    own->second.pop_front();
    if (own->second.empty()) items_.erase(own);
    --size_;
    return item;
  }

  std::size_t size() const { return size_; }

 private:
  std::unordered_map<Who, std::deque<Item>> items_;
  std::deque<Who> order_;
  std::size_t size_ = 0;
};

}  // namespace rhooks::rest
