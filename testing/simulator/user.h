#pragma once

#include <functional>
#include <string>
#include <vector>

#include "testing/simulator/simulated_server.h"

namespace rhooks::simulator {

// Someone who registers, suspends, deletes … tasks of a namespace of their own through whatever
// server answers, and remembers what was acknowledged.
class User {
 public:
  // A server that is up; waits for one (and so is to be called by a process).
  using PickServer = std::function<SimulatedServer&()>;

  // `hosts`: of the receivers, by turns. `rushes`: it sends bursts to endpoints that have rates.
  User(Timeline& timeline, InvariantChecker& checker, std::string ns,
       std::vector<std::string> hosts, bool rushes, PickServer pick)
      : timeline_(timeline),
        checker_(checker),
        ns_(std::move(ns)),
        hosts_(std::move(hosts)),
        rushes_(rushes),
        pick_(std::move(pick)) {}

  // A process: acts at random until then.
  void act_until(Moment end);
  // By a process: what is suspended or paused goes on, be it after a while, and a redrive comes to
  // its end.
  void resume_all();
  // By another process: what has paused by itself goes on; it may pause again.
  void unsuspend_paused();

 private:
  // Where a task goes: to the host, or to an endpoint, behind whose URL it then is.
  struct Receiver {
    std::string host;
    std::string endpoint;
    std::string flow_key;
  };

  // Has a server answer; none where it crashed before it did.
  template <typename T>
  std::optional<Result<T>> ask(std::function<Result<T>(Hooks&)> what);

  void add();
  void add_many();
  void suspend(const std::string& id);
  void unsuspend(const std::string& id);
  void cancel(const std::string& id);
  std::vector<TaskKey> act_on_some(void (InvariantChecker::*will)(const TaskKey&),
                                   Result<ManyResult> (Hooks::*act)(const ManyQuery&));
  void cancel_some();
  void run_now(const std::string& id);
  void remove(const std::string& id);
  void remove_some();
  void suspend_some();
  void clear();
  void trigger();
  void read();
  void redrive();
  bool redrive_is_over();
  void put_endpoints();
  void put_endpoint(const std::string& name);
  void draw_limits(Endpoint& endpoint);
  const std::string& any_endpoint();
  void pause(const std::string& endpoint);
  bool resume(const std::string& endpoint);

  Receiver next_receiver();
  Schedule draw_schedule();
  NewTask draw(const Receiver& receiver);
  bool remember(const std::string& id);
  bool has_endpoint(const std::string& name) const;
  const std::string& any();
  TaskKey key(const std::string& id) const { return {ns_, id}; }

  Timeline& timeline_;
  InvariantChecker& checker_;
  const std::string ns_;
  const std::vector<std::string> hosts_;
  const bool rushes_;
  const PickServer pick_;
  std::vector<std::string> ids_;        // of the tasks that were asked for
  std::vector<std::string> endpoints_;  // that are there, acknowledged
  std::vector<std::string> ordered_;    // of these, but for the one that is told
  bool may_be_paused_yet_ = false;      // one of them, by what was not answered
};

}  // namespace rhooks::simulator
