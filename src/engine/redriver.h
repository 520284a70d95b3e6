#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/redrive.h"
#include "observe/metrics.h"
#include "schedule/zones.h"
#include "store/store.h"

namespace rhooks::engine {

// Carries out redrives, step by step: it reads the next tasks that match, stores which ones they
// are (model::StoredRedrive::Step), runs them again, and counts them with the next step that it
// stores. A crash in between is made good by carrying that step out once more. Where several
// processes have a redrive in hand, the revision of its document settles which of them stores the
// next step.
//
// It has no thread, and waits for nothing but the store. Threads: one.
class Redriver {
 public:
  // A worker is told: tasks are due then.
  using OnDue = std::function<void(TimePoint due_at)>;

  // `others_have`: how long a redrive whose step another process stored is left to that one, unless
  // it moves on; 0: there are no others. `zones`: of schedules.
  Redriver(store::Store& store, Metrics& metrics, std::shared_ptr<const schedule::Zones> zones,
           std::chrono::milliseconds others_have, OnDue on_due);

  // Looks for all that are under way, at the next step.
  void look_for_all() { to_list_ = true; }
  // For the one of a namespace, unless it is in hand.
  void look_at(const std::string& ns) { in_hand_.try_emplace(ns); }
  // The one of a namespace was started or cancelled: it is read anew.
  void changed(const std::string& ns);
  void forget_all();

  // A step of each that it is time for. How long it is until the next one; none: nothing runs.
  std::optional<std::chrono::milliseconds> step(TimePoint now);

 private:
  struct InHand {
    bool ours = false;  // what follows is as it is stored, or newer, and ours to go on with
    model::StoredRedrive redrive;
    store::Revision revision{};  // as it was read last, or written
    std::string newer_fields;
    std::string written;  // the data that were written last, or perhaps were
    TimePoint since{};    // it goes on so long after
    std::chrono::milliseconds wait{0};
    bool over = false;  // nothing is left to do
  };
  struct Next {
    std::vector<std::string> ids;
    std::optional<model::StoredRedrive::Position> after;
    bool more = true;  // others may match
  };

  void list(TimePoint now);
  void go_on(const std::string& ns, InHand& one, TimePoint now);
  bool take(const std::string& ns, InHand& one);
  bool begin_step(InHand& one, TimePoint now);
  Result<Next> next_tasks(const model::StoredRedrive& redrive, TimePoint now);
  void carry_out(InHand& one, TimePoint now);
  bool write(InHand& one, TimePoint now);

  store::Store& store_;
  Metrics& metrics_;
  const std::shared_ptr<const schedule::Zones> zones_;
  const std::chrono::milliseconds others_have_;
  const OnDue on_due_;
  bool to_list_ = false;
  std::optional<TimePoint> not_listed_at_;  // it failed then
  std::map<std::string, InHand> in_hand_;   // by namespace
};

}  // namespace rhooks::engine
