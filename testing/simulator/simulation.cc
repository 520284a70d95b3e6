#include "testing/simulator/simulation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "testing/simulator/simulated_server.h"
#include "testing/simulator/user.h"

namespace rhooks::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Owner kWorld = 0;
// Processes of the world that never end: who starts servers again, and who looks after tasks.
constexpr std::size_t kWithoutEnd = 2;
// After the trouble all has to be done by then, and in so many steps.
constexpr Duration kDrainMax = 15min;
constexpr Duration kDrainMaxRush = 30min;  // much waits for rates
constexpr Duration kDrainMaxWild = 3h;     // clocks were set by up to half an hour, again and again
constexpr std::uint64_t kStepsMax = 3'000'000;

class Simulation {
 public:
  Simulation(std::uint64_t seed, const MakeBackend& make_backend)
      : timeline_(seed), checker_(timeline_, options_.max_errors) {
    draw_faults();
    backend_ = make_backend(timeline_, checker_, store_faults_);
    // By the seed itself, so that other worlds are as they would be without these.
    if (seed % 5 == 3 && !backend_->requests_outlive()) draw_rush();
    draw_nodes();
  }

  SimulationResult run();
  void keep_notes(std::size_t most) { timeline_.keep_notes(most); }

 private:
  struct Node {
    std::shared_ptr<SimulatedClock> clock;
    NodeOptions options;
    std::unique_ptr<SimulatedServer> server;
    bool stays_down = false;
  };

  void draw_faults();
  void draw_rush();
  void draw_nodes();
  void draw_flows();
  // How likely a fault is, where there is any of it in this world.
  double some(double most) { return dice().chance(0.5) ? dice().random().unit() * most : 0; }
  Dice& dice() { return timeline_.dice(); }

  void begin(Node& node);
  SimulatedServer& pick_server();
  void make_trouble(Node& node, Moment end);
  void trouble(Node& node);
  void stay_down(Node& node);
  void end_trouble();
  bool step(Moment until);
  bool quiet() const;
  SimulationResult result();

  Timeline timeline_;
  NodeOptions options_;
  InvariantChecker checker_;
  StoreFaults store_faults_;
  HttpFaults http_faults_;
  std::vector<std::string> hosts_{"127.0.0.1"};  // of the receivers
  std::unique_ptr<Backend> backend_;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<SimulatedServer>> ended_;  // to be destroyed outside of processes
  std::vector<std::unique_ptr<User>> users_;
  Incarnation incarnations_ = 0;
  std::size_t crashes_ = 0;
  bool trouble_ended_ = false;
  bool wild_clocks_ = false;
  bool rushed_ = false;      // see draw_rush()
  Duration rest_max_ = 15s;  // from one trouble of a server to the next, if there is only that one
  Duration down_max_ = 20s;  // that a server stays down, and
  Duration back_max_ = 5s;   // until somebody sees to those that do not
  std::size_t stuck_ = 0;
};

void Simulation::draw_faults() {
  store_faults_.refused = some(0.1);
  store_faults_.lost_answer = some(0.1);
  store_faults_.partial = some(0.2);
  // Long ones are as long as leases and more.
  const bool long_stalls = dice().chance(0.3);
  store_faults_.stalled = some(long_stalls ? 0.15 : 0.02);
  store_faults_.stall_max = long_stalls ? 90s : 2s;
  http_faults_ = {.unreachable = some(0.1),
                  .server_error = some(0.2),
                  .too_many = some(0.2),
                  .gone = some(0.1),
                  .unsent_timeout = some(0.1),
                  .late_timeout = some(0.1),
                  .reset = some(0.1),
                  .endless = some(0.1),
                  .slow = some(0.2)};
  wild_clocks_ = dice().chance(0.1);
}

// Endpoints have rates, and users send bursts to them. There is one server, which is back soon; its
// store is slow, or it is hardly ever left alone.
void Simulation::draw_rush() {
  rushed_ = true;
  down_max_ = back_max_ = 500ms;
  const bool slow_store = dice().chance(0.7);
  rest_max_ = slow_store ? 30s : 3s;
  if (!slow_store) return;
  store_faults_.stalled = 0.05 + 0.15 * dice().random().unit();
  store_faults_.stall_max = 3s;
}

void Simulation::draw_nodes() {
  // Leases of a store that is one process's alone outlast any of that.
  if (wild_clocks_ && backend_->shared()) checker_.clocks_went_wrong();
  options_.concurrency = 1 + dice().below(6);
  if (options_.concurrency > 4) draw_flows();
  options_.commit_batch_max = dice().chance(0.5) ? 512 : 1 + dice().below(3);
  options_.request_timeout = dice().chance(0.5) ? 10s : 30s;
  options_.commit_linger = dice().chance(0.5) ? 0ms : 10ms;
  // Further away than clocks can be set.
  options_.ended_ttl = dice().chance(0.5) ? 0s : 240h;
  checker_.ends_expire_after(options_.ended_ttl);
  const std::size_t count = backend_->shared() && !rushed_ ? 1 + dice().below(4) : 1;
  options_.alone = count == 1 && !backend_->requests_outlive();
  for (std::size_t i = 0; i < count; ++i) {
    const Duration ahead = dice().between(-1s, 1s);
    const std::int64_t drift_ppm = dice().between(-300, 300);
    nodes_.push_back(
        {std::make_shared<SimulatedClock>(timeline_, ahead, drift_ppm), options_, nullptr, false});
  }
  const std::size_t users = 1 + dice().below(3);
  for (std::size_t i = 0; i < users; ++i) {
    users_.push_back(
        std::make_unique<User>(timeline_, checker_, "u" + std::to_string(i), hosts_, rushed_,
                               [this]() -> SimulatedServer& { return pick_server(); }));
  }
}

// Many slots, which workers share out among receivers; so there are several, and some of them keep
// what they get.
void Simulation::draw_flows() {
  options_.concurrency = 8 + dice().below(17);
  http_faults_.by_host = true;
  hosts_.clear();
  for (std::size_t left = 3 + dice().below(6); left > 0; --left) {
    constexpr std::array kKinds{"dead", "dead", "down", "slow", "quick", "quick"};
    hosts_.push_back(kKinds[dice().below(kKinds.size())] + std::to_string(left));
  }
}

void Simulation::begin(Node& node) {
  node.server = std::make_unique<SimulatedServer>(
      SimulatedServer::World{timeline_, checker_, *backend_, http_faults_}, node.clock,
      node.options, ++incarnations_);
  node.server->start();
}

SimulatedServer& Simulation::pick_server() {
  while (true) {
    std::vector<SimulatedServer*> up;
    for (const Node& node : nodes_) {
      if (node.server && node.server->serves()) up.push_back(node.server.get());
    }
    if (!up.empty()) return *up[dice().below(up.size())];
    timeline_.sleep(50ms);
  }
}

// A process for each node, so that troubles meet: one crashes while another stops, or while its
// clock is set in the middle of its own stop.
void Simulation::make_trouble(Node& node, Moment end) {
  const auto pause = rest_max_ * static_cast<std::int64_t>(nodes_.size());
  while (timeline_.now() < end) {
    timeline_.sleep(dice().between(10ms, pause));
    if (timeline_.now() < end) trouble(node);
  }
}

void Simulation::trouble(Node& node) {
  const std::size_t what = dice().below(100);
  if (what < 40) {
    if (node.server && !node.server->ended()) {
      node.server->crash();
      ++crashes_;
    }
    stay_down(node);
  } else if (what < 60) {
    if (!node.server) return;
    if (dice().chance(0.6)) {
      node.server->stop();
    } else {
      node.server->restart(dice().between(Duration{0}, 3s));
    }
    if (dice().chance(0.2)) {
      timeline_.sleep(dice().between(Duration{0}, 500ms));
      if (node.server) node.server->stop_now();
    }
    timeline_.sleep(dice().between(1ms, 8s));
    if (!node.server) stay_down(node);
  } else if (what < 80) {
    if (!node.server) return;
    // Too short to be called dead for, about as long as that takes, and for long.
    const std::size_t how = dice().below(3);
    node.server->freeze(how == 0   ? dice().between(1ms, 5s)
                        : how == 1 ? dice().between(7s, 20s)
                                   : dice().between(30s, 100s));
  } else {
    const Duration most = wild_clocks_ ? Duration{30min} : Duration{1s};
    timeline_.note("a clock jumps");
    node.clock->jump(dice().between(-most, most));
    checker_.clock_was_set();
  }
}

// The server has ended; its machine may lose power, too.
void Simulation::stay_down(Node& node) {
  node.stays_down = true;
  if (!backend_->shared()) {
    // What has ended is cleared away meanwhile.
    do timeline_.sleep(1ms);
    while (node.server || !ended_.empty());
    if (dice().chance(0.5)) {
      timeline_.note("power is lost");
      backend_->lose_power();
    }
  }
  timeline_.sleep(dice().between(1ms, down_max_));
  node.stays_down = false;
}

void Simulation::end_trouble() {
  timeline_.note("the trouble is over");
  trouble_ended_ = true;
  store_faults_ = {};
  http_faults_ = {};
  for (Node& node : nodes_) node.clock->heal();
  checker_.clock_was_set();
}

// Servers that have ended are cleared away, by nobody who could wait, and others begin.
bool Simulation::step(Moment until) {
  const bool more = timeline_.step(until);
  for (Node& node : nodes_) {
    if (!node.server) continue;
    if (node.server->ended()) {
      ended_.push_back(std::move(node.server));
    } else {
      node.server->check_calls();
    }
  }
  std::erase_if(ended_, [&](const auto& server) { return timeline_.alive(server->owner()) == 0; });
  return more && !timeline_.violated();
}

bool Simulation::quiet() const {
  return checker_.unfinished().empty() && checker_.untold().empty() &&
         std::all_of(nodes_.begin(), nodes_.end(),
                     [](const Node& n) { return n.server && n.server->idle(); });
}

SimulationResult Simulation::run() {
  const Moment trouble_end = timeline_.now() + dice().between(10s, 120s);
  for (Node& node : nodes_) begin(node);
  for (const auto& user : users_) {
    timeline_.spawn(kWorld, [this, &user, trouble_end] {
      user->act_until(trouble_end);
      while (!trouble_ended_) timeline_.sleep(10ms);
      user->resume_all();
    });
  }
  for (Node& node : nodes_) {
    timeline_.spawn(kWorld, [this, &node, trouble_end] { make_trouble(node, trouble_end); });
  }
  // Whoever is down comes up again some time.
  timeline_.spawn(kWorld, [this] {
    while (true) {
      timeline_.sleep(trouble_ended_ ? Duration{100ms} : dice().between(10ms, back_max_));
      for (Node& node : nodes_) {
        if (!node.server && !node.stays_down && ended_.empty()) begin(node);
      }
    }
  });
  // Somebody looks after what pauses by itself.
  timeline_.spawn(kWorld, [this] {
    while (true) {
      timeline_.sleep(2s);
      if (!trouble_ended_) continue;
      for (const auto& user : users_) user->unsuspend_paused();
    }
  });
  while (step(trouble_end)) {
  }
  if (timeline_.violated()) return result();

  const Duration stall_max = store_faults_.stall_max;
  end_trouble();
  const Moment drained_by = timeline_.now() + (wild_clocks_ ? kDrainMaxWild
                                               : rushed_    ? kDrainMaxRush
                                                            : kDrainMax);
  // What was on its way when the trouble ended may still arrive.
  const Moment arrived_by = timeline_.now() + 2 * stall_max + 1s;
  checker_.calm_from(arrived_by);
  while (step(drained_by) && timeline_.steps() < kStepsMax) {
    if (timeline_.now() < arrived_by || timeline_.steps() % 64 != 0) continue;
    if (timeline_.alive(kWorld) == kWithoutEnd && quiet()) break;
  }
  if (timeline_.violated()) return result();
  stuck_ = checker_.unfinished().size();
  // First, since whoever waits for it does not unsuspend what was suspended.
  if (timeline_.alive(kWorld) != kWithoutEnd) timeline_.violation("a call does not come back");
  for (const TaskKey& key : checker_.unfinished()) {
    timeline_.violation(key.ns + "/" + key.id + ": stuck");
  }
  for (const TaskKey& key : checker_.untold()) {
    timeline_.violation(key.ns + "/" + key.id + ": ended without its callback");
  }
  if (!quiet()) timeline_.violation("work goes on without an end");
  if (timeline_.violated()) return result();

  // Now nothing more may happen.
  const std::size_t attempts = checker_.attempts();
  const Moment quiet_until = timeline_.now() + 1min;
  while (step(quiet_until)) {
  }
  if (checker_.attempts() != attempts) timeline_.violation("something was sent after the end");
  checker_.check_end(backend_->inspect(),
                     std::chrono::floor<std::chrono::milliseconds>(timeline_.now()));
  return result();
}

SimulationResult Simulation::result() {
  SimulationResult result;
  result.violation = timeline_.violated();
  result.stuck = stuck_;
  result.lost = checker_.lost_tasks();
  result.tasks = checker_.tasks();
  result.attempts = checker_.attempts();
  result.crashes = crashes_;
  result.repeats = checker_.repeats();
  result.rare = checker_.rare();
  result.steps = timeline_.steps();
  result.fingerprint = timeline_.fingerprint();
  result.notes = timeline_.notes();
  // All processes end before what they use.
  for (Node& node : nodes_) {
    if (node.server) timeline_.crash(node.server->owner());
  }
  for (const auto& server : ended_) timeline_.crash(server->owner());
  timeline_.crash(kWorld);
  timeline_.crash(kNetwork);
  return result;
}

}  // namespace

SimulationResult simulate(std::uint64_t seed, const MakeBackend& make_backend,
                          std::size_t notes_max) {
  Simulation simulation(seed, make_backend);
  simulation.keep_notes(notes_max);
  return simulation.run();
}

}  // namespace rhooks::simulator
