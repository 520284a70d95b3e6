#pragma once

#include <string>
#include <utility>
#include <vector>

namespace rhooks::store {

// What a store is made of and what state it is in, for people: `rhooks store describe`. Texts
// only, so that a command can print it without knowing the store. Holds no secrets.
struct Description {
  // A table. Every row has as many cells as there are columns.
  struct Section {
    std::string title;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
  };

  std::string kind;                                        // "dynamodb", "rocksdb", "memory"
  std::vector<std::pair<std::string, std::string>> facts;  // name, value
  std::vector<Section> sections;
};

}  // namespace rhooks::store
