#include "hooks/namespace_ranges.h"

#include <algorithm>

namespace rhooks {

std::vector<NamespaceRange> namespace_ranges(const std::vector<std::string>& among,
                                             const std::string& prefix) {
  std::vector<NamespaceRange> all;
  for (const std::string& entry : among) {
    const bool only_this = !entry.ends_with('*');
    std::string begins = only_this ? entry : entry.substr(0, entry.size() - 1);
    if (begins.starts_with(prefix)) {
      all.push_back({std::move(begins), only_this});
    } else if (!only_this && prefix.starts_with(begins)) {
      all.push_back({prefix, false});
    }
  }
  // What begins so stands before all that is within it.
  std::sort(all.begin(), all.end(), [](const NamespaceRange& a, const NamespaceRange& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.only_this < b.only_this;
  });
  std::vector<NamespaceRange> apart;
  for (NamespaceRange& range : all) {
    if (apart.empty() || !apart.back().contains(range.prefix)) apart.push_back(std::move(range));
  }
  return apart;
}

}  // namespace rhooks
