#pragma once

#include <string>
#include <utility>
#include <vector>

namespace rhooks {

// What a store is made of and what state it is in, for people: `rhooks store describe`. Texts
// only, so that it can be shown without knowing the store. Holds no secrets.
struct StoreDescription {
  // A table. Every row has as many cells as there are columns.
  struct Section {
    std::string title;                 // "Shards"
    std::vector<std::string> columns;  // lower-case words: JSON has them as names
    std::vector<std::vector<std::string>> rows;
  };

  std::string kind;                                        // "dynamodb", "rocksdb", "memory"
  std::vector<std::pair<std::string, std::string>> facts;  // name (as columns), value
  std::vector<Section> sections;
};

}  // namespace rhooks
