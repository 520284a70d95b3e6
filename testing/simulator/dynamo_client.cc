#include "testing/simulator/dynamo_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"

namespace rhooks::simulator {

using std::chrono::milliseconds;
using store::dynamo::Call;
using store::dynamo::Client;
using store::dynamo::Reply;

namespace {

// The back-off of production: a base, doubled each time, with full jitter.
constexpr Duration kBackoffBase{25'000};
constexpr Duration kThrottleBase{1'000'000};
// How late what a dead process sent may arrive, in stall_max.
constexpr int kGhostStalls = 30;

Duration from_zero(Dice& dice, Duration most) {
  return dice.between(Duration{0}, std::max(most, Duration{0}));
}

class DirectClient final : public Client {
 public:
  explicit DirectClient(std::shared_ptr<DynamoService> service) : service_(std::move(service)) {}

  std::vector<Result<Reply>> call_all(std::vector<Call> calls) override {
    std::vector<Result<Reply>> replies;
    for (const Call& call : calls) replies.push_back(service_->run(call, {}));
    return replies;
  }
  void pause(std::chrono::microseconds) override {}
  milliseconds clock_offset() const override { return milliseconds{0}; }

 private:
  const std::shared_ptr<DynamoService> service_;
};

}  // namespace

std::unique_ptr<Client> direct_client(std::shared_ptr<DynamoService> service) {
  return std::make_unique<DirectClient>(std::move(service));
}

std::shared_ptr<Transit> Transit::start(Timeline& timeline) {
  std::shared_ptr<Transit> transit(new Transit(timeline));
  timeline.spawn(kOwner, [transit] { transit->run(); });
  return transit;
}

void Transit::after(Duration time, std::function<void()> arrive) {
  coming_.emplace(timeline_.now() + time, std::move(arrive));
  news_.ring();
}

void Transit::run() {
  for (;;) {
    while (!coming_.empty() && coming_.begin()->first <= timeline_.now()) {
      const auto arrive = std::move(coming_.begin()->second);
      coming_.erase(coming_.begin());
      arrive();
    }
    timeline_.wait(news_, coming_.empty() ? Moment::max() : coming_.begin()->first);
  }
}

// The calls of one call_all().
struct SimulatedClient::Batch {
  std::vector<std::optional<Result<Reply>>> results;
  std::size_t open = 0;
  Signal landed;
};

// One call and its tries. Lives as long as something of it is on its way.
class SimulatedClient::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(const SimulatedClient& client, std::shared_ptr<Batch> batch, std::size_t index, Call call,
      int tries)
      : transit_(client.transit_),
        service_(client.service_),
        faults_(client.faults_),
        machine_(client.machine_),
        batch_(std::move(batch)),
        index_(index),
        call_(std::move(call)),
        tries_left_(tries),
        request_timeout_(client.options_.request_timeout) {}

  void send() {
    if (machine_->dead) return;
    --tries_left_;
    const int number = ++tries_;
    const bool maybe_before = maybe_applied_;
    if (dice().chance(faults_.refused)) return after(way() + way(), &Run::throttled);
    const Duration there = way();
    const Duration back = way();
    // Lost on its way there, or back; or it arrives when nobody believes in it any more.
    enum { kThere, kBack, kLate } lost = static_cast<decltype(lost)>(dice().below(3));
    const bool is_lost = dice().chance(faults_.lost_answer);
    const Duration arrives =
        there + (is_lost && lost == kLate ? from_zero(dice(), 2 * faults_.stall_max) : Duration{0});
    const bool in_time = !is_lost && there + back <= request_timeout_;
    const bool comes = !is_lost || lost != kThere;
    const bool late = (is_lost && lost == kLate) || arrives > request_timeout_;
    if (comes && (!late || may_be_late())) {
      transit_->after(arrives, [self = shared_from_this(), in_time, back, maybe_before, number] {
        self->arrive(in_time ? std::optional(back) : std::nullopt, maybe_before, number, false);
      });
    }
    if (!in_time) {
      after(is_lost ? std::min(there + back, request_timeout_) : request_timeout_,
            &Run::unanswered);
    }
  }

 private:
  Dice& dice() { return transit_->timeline().dice(); }
  void after(Duration time, void (Run::*then)()) {
    transit_->after(time, [self = shared_from_this(), then] { (self.get()->*then)(); });
  }
  Duration way() {
    const Duration usual = from_zero(dice(), faults_.latency_max / 2);
    return dice().chance(faults_.stalled) ? usual + from_zero(dice(), faults_.stall_max) : usual;
  }

  // Where a task was put by another try and deleted, a put that arrives later brings it back. No
  // condition of DynamoDB can prevent that without a trace of each deleted task, so it is no
  // promise of the store's: see docs/dynamodb.md.
  bool may_be_late() const { return call_.operation != store::dynamo::Operation::kPutItem; }

  void arrive(std::optional<Duration> back, bool maybe_before, int number, bool ghost) {
    // After all trouble nothing comes that nobody waits for.
    const bool trouble = faults_.refused + faults_.lost_answer + faults_.stalled > 0;
    if ((!back || machine_->dead) && !trouble) return;
    if (machine_->dead && !ghost) {
      if (!may_be_late() || dice().chance(0.5)) return;
      if (dice().chance(0.5)) {
        transit_->after(from_zero(dice(), kGhostStalls * faults_.stall_max),
                        [self = shared_from_this(), maybe_before, number] {
                          self->arrive(std::nullopt, maybe_before, number, true);
                        });
        return;
      }
    }
    if (number < tries_ || machine_->dead) {
      transit_->timeline().note(std::string("late ") + to_string(call_.operation));
    }
    Reply reply = service_->run(call_, {.partial = faults_.partial, .indexes_are_late = true});
    if (!back) return;
    reply.maybe_applied_before = maybe_before;
    transit_->after(*back, [self = shared_from_this(), reply = std::move(reply)]() mutable {
      self->land(std::move(reply));
    });
  }

  void throttled() {
    if (tries_left_ > 0) return again(kThrottleBase);
    end("throttled");
  }
  void unanswered() {
    maybe_applied_ = maybe_applied_ || writes(call_.operation);
    if (tries_left_ > 0) return again(kBackoffBase);
    end("no answer");
  }
  void again(Duration base) { after(from_zero(dice(), base * (1 << (tries_ - 1))), &Run::send); }

  void end(const char* why) {
    land(fail(maybe_applied_ ? ErrorCode::kUnknownOutcome : ErrorCode::kUnavailable,
              std::string("simulated DynamoDB ") + to_string(call_.operation) + ": " + why));
  }
  void land(Result<Reply> result) {
    batch_->results[index_] = std::move(result);
    if (--batch_->open == 0) batch_->landed.ring();
  }

  const std::shared_ptr<Transit> transit_;
  const std::shared_ptr<DynamoService> service_;
  const StoreFaults& faults_;
  const std::shared_ptr<Machine> machine_;
  const std::shared_ptr<Batch> batch_;
  const std::size_t index_;
  const Call call_;
  int tries_left_;
  const Duration request_timeout_;
  int tries_ = 0;
  bool maybe_applied_ = false;
};

SimulatedClient::SimulatedClient(std::shared_ptr<Transit> transit,
                                 std::shared_ptr<DynamoService> service, const StoreFaults& faults,
                                 std::shared_ptr<Machine> machine, Options options)
    : transit_(std::move(transit)),
      service_(std::move(service)),
      faults_(faults),
      machine_(std::move(machine)),
      options_(options) {}

std::vector<Result<Reply>> SimulatedClient::call_all(std::vector<Call> calls) {
  Timeline& timeline = transit_->timeline();
  if (calls.empty()) return {};
  if (machine_->dead || !timeline.can_wait()) {
    return {calls.size(), fail(ErrorCode::kUnavailable, "simulated DynamoDB: the store is gone")};
  }
  const auto batch = std::make_shared<Batch>();
  batch->results.resize(calls.size());
  batch->open = calls.size();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    // The retry quota of production may be used up: then there are fewer tries.
    const int most = calls[i].tries == store::dynamo::Tries::kOne ? 1 : options_.tries_max;
    const int tries = 1 + static_cast<int>(timeline.dice().below(static_cast<std::size_t>(most)));
    const auto run = std::make_shared<Run>(*this, batch, i, std::move(calls[i]), tries);
    run->send();
  }
  timeline.wait(batch->landed, Moment::max());
  // The one that ticks outlives a store that is closed without a crash.
  if (machine_->dead) throw Crashed{};
  RHOOKS_CHECK(batch->open == 0);
  const auto ahead =
      std::chrono::floor<milliseconds>(timeline.now() - machine_->clock.now_micros());
  offset_ = ahead < kClockTolerance && -ahead < kClockTolerance ? milliseconds{0} : ahead;
  std::vector<Result<Reply>> results;
  for (auto& result : batch->results) results.push_back(std::move(*result));
  return results;
}

void SimulatedClient::pause(std::chrono::microseconds time) {
  if (machine_->dead || !transit_->timeline().can_wait()) return;
  transit_->timeline().sleep(time);
  if (machine_->dead) throw Crashed{};
}

}  // namespace rhooks::simulator
