#pragma once

#include <string>
#include <vector>

namespace rhooks {

// Namespaces that are asked a store for together.
struct NamespaceRange {
  std::string prefix;      // they begin so
  bool only_this = false;  // and go no further

  bool contains(const std::string& name) const {
    return only_this ? name == prefix : name.starts_with(prefix);
  }
  // Whether all of them stand before this name, or are it.
  bool is_past(const std::string& name) const {
    return only_this ? prefix <= name : prefix < name && !name.starts_with(prefix);
  }

  friend bool operator==(const NamespaceRange&, const NamespaceRange&) = default;
};

// Those that begin with `prefix` of the ones that `among` names, as ApiKeySpec::namespaces has
// them: in the order of their names, and none of them twice.
std::vector<NamespaceRange> namespace_ranges(const std::vector<std::string>& among,
                                             const std::string& prefix);

}  // namespace rhooks
