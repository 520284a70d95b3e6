#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/flow_gate.h"

namespace rhooks::store::rocks {

// The parts of the due index that claims have still to look at, by its keys, and those in which
// tasks wait that a gate refused:
//
//   rest       all from this key on
//   islands    what became claimable before it, while something waits
//   lanes      of a flow the first entries that wait, one by one, so that few tasks among those of
//              many others are found again; of those behind, and of all that wait in lanes of
//              several flows, only from the first to the last, with others between
//
// What lies in none of them is under a live lease, or is no entry any more. So nobody who writes
// has to know what waits: a task that was changed or removed is just not met again, and one that
// became claimable is an island.
//
// Memory: kIslandsMax, kEntriesMax; the gate bounds the lanes.
// Threads: the caller's mutex.
class DueRanges {
 public:
  static constexpr std::size_t kIslandsMax = 1'024;
  static constexpr std::size_t kEntriesOfLaneMax = 256;
  static constexpr std::size_t kEntriesMax = 65'536;

  // How far an open lane was looked through.
  struct Visit {
    std::string at;     // everything before it was
    bool solid = true;  // and nothing was left
    bool paused = false;
  };
  struct Range {
    std::set<std::string, std::less<>> entries;
    std::string from;
    std::string to;  // included; empty: there are no others
    std::optional<Visit> visit;

    bool empty() const { return entries.empty() && to.empty(); }
    const std::string& first() const {
      return to.empty() || (!entries.empty() && *entries.begin() < from) ? *entries.begin() : from;
    }
  };

  // These may be claimable now. Never throws: without memory, all is looked at again.
  void add_unseen(const std::string& from, const std::string& to) noexcept;
  // The task waits from now on. Where the lane is being looked into, it is met there.
  void wait_in(const Lane& lane, std::string_view entry);
  // It is to be looked into: from its beginning, or from where that was paused. False: nothing
  // waits in it.
  bool visit(const Lane& lane);
  // Where it is being looked into, that is gone on with by the next visit().
  void pause(const Lane& lane);
  // Whether something before that entry may be claimable, and was not looked at.
  bool unseen_before(std::string_view entry) const {
    return rest < entry || (!islands.empty() && islands.begin()->first < entry);
  }
  // The first of its entries waits no more.
  void drop_first(Range& lane);
  // All that waits in one lane waits in another.
  void move(const Lane& from, const Lane& to);
  // Nothing waits.
  void forget_lanes() noexcept;
  // As if nothing were known.
  void look_at_all() noexcept;

  std::string rest;
  std::map<std::string, std::string> islands;  // from, to: included
  std::unordered_map<Lane, Range, HashOfLane> lanes;
  std::deque<Lane> visits;  // those that are looked into, by turns

 private:
  void begin_rest(const std::string& from);
  static void extend(Range& range, std::string_view from, std::string_view to);

  std::size_t entries_ = 0;  // of all lanes
};

}  // namespace rhooks::store::rocks
