#include "store/rocks/absent_keys.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string_view>

#include "store/rocks/keys.h"

namespace rhooks::store::rocks {
namespace {

// Below so many keys looking each up costs less than an iterator.
constexpr std::size_t kKeysMin = 8;
constexpr int kStepsMax = 8;
// Deleted keys that one step may pass over before it is given up.
constexpr std::uint64_t kDeletedMax = 64;

}  // namespace

std::vector<bool> find_absent(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                              std::span<const std::string> keys) {
  std::vector<bool> absent(keys.size(), false);
  if (keys.size() < kKeysMin) return absent;
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto below = [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; };
  if (!std::is_sorted(order.begin(), order.end(), below)) {
    std::sort(order.begin(), order.end(), below);
  }

  const std::string end = after_prefix(keys[order.back()]);
  const rocksdb::Slice end_slice(end);
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &end_slice;
  options.max_skippable_internal_keys = kDeletedMax;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options, family));
  auto next = order.begin();
  for (int step = 0; step < kStepsMax && next != order.end(); ++step) {
    it->Seek(keys[*next]);
    if (!it->status().ok()) break;  // whoever looks the keys up meets what is wrong
    const bool any = it->Valid();
    const std::string_view found = any ? it->key().ToStringView() : std::string_view();
    // All that lie before what is there are not there.
    for (; next != order.end() && (!any || keys[*next] <= found); ++next) {
      absent[*next] = !any || !found.starts_with(keys[*next]);
    }
  }
  return absent;
}

}  // namespace rhooks::store::rocks
