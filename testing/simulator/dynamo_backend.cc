#include "testing/simulator/dynamo_backend.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "store/dynamo/membership_table.h"
#include "store/dynamo/store_impl.h"
#include "testing/forwarding_store.h"
#include "testing/simulator/dynamo_observer.h"

namespace rhooks::simulator {
namespace {

using namespace store;
using dynamo::DynamoStore;

class ClockView final : public Clock {
 public:
  explicit ClockView(const Clock& clock) : clock_(clock) {}
  Micros now_micros() const override { return clock_.now_micros(); }

 private:
  const Clock& clock_;
};

std::chrono::nanoseconds steady_time(const Timeline& timeline) {
  return timeline.now().time_since_epoch();
}

DynamoStore::Parts parts_on(const Timeline& timeline, const Clock& clock,
                            const dynamo::Tables& tables, int shards) {
  DynamoStore::Parts parts;
  parts.machine_clock = std::make_shared<ClockView>(clock);
  parts.tables = tables;
  parts.shards = shards;
  parts.steady = [&timeline] { return dynamo::DueCache::Steady(steady_time(timeline)); };
  parts.coordinator.steady = [&timeline] { return steady_time(timeline); };
  parts.coordinator.start_thread = nullptr;
  return parts;
}

// A store with what in production is the coordinator's thread, from the first claim to finished().
// It lives until that has ended.
struct Opened {
  std::shared_ptr<Machine> machine;
  std::unique_ptr<DynamoStore> store;
  std::chrono::milliseconds join_timeout{0};
  Signal news;           // to the one that ticks
  bool ticking = false;  // there is one
  bool ending = false;   // and is to end
  std::uint64_t ticks = 0;
};

void tick(Timeline& timeline, Opened& opened, Moment at) {
  while (!opened.machine->dead && !opened.ending) {
    if (timeline.now() < at) {
      timeline.wait(opened.news, at);
      continue;
    }
    const auto step = opened.store->tick_coordinator();
    ++opened.ticks;
    at = step ? Moment(std::chrono::ceil<Duration>(step->again_at)) : Moment::max();
  }
  opened.ticking = false;
}

// The store as one process has it.
class OpenedStore final : public rhooks::testing::ForwardingStore {
 public:
  OpenedStore(Timeline& timeline, std::shared_ptr<Opened> opened)
      : ForwardingStore(*opened->store), timeline_(timeline), opened_(std::move(opened)) {}
  ~OpenedStore() override {
    opened_->machine->dead = true;
    opened_->news.ring();
  }

 private:
  Result<ClaimResult> do_claim_due(const ClaimRequest& request) override {
    auto result = ForwardingStore::do_claim_due(request);
    if (request.scope != Scope::kAssigned || opened_->ticking) return result;
    // The first one joins, and waits for the first tick.
    const std::uint64_t before = opened_->ticks;
    begin_ticks(Duration{0});
    wait_while([&] { return opened_->ticks == before; }, opened_->join_timeout);
    return ForwardingStore::do_claim_due(request);
  }
  void do_resign() override {
    if (!timeline_.can_wait() || !opened_->ticking) return;
    end_ticks();
    ForwardingStore::do_resign();
    begin_ticks(std::chrono::duration_cast<Duration>(dynamo::CoordinatorOptions().tick));
  }
  void do_finished() override {
    if (!timeline_.can_wait() || !opened_->ticking) return;
    end_ticks();
    ForwardingStore::do_finished();
  }

  void begin_ticks(Duration pause) {
    opened_->ticking = true;
    opened_->ending = false;
    timeline_.spawn(timeline_.owner(),
                    [&timeline = timeline_, opened = opened_, at = timeline_.now() + pause] {
                      tick(timeline, *opened, at);
                    });
  }
  // One that is under way ends first.
  void end_ticks() {
    opened_->ending = true;
    opened_->news.ring();
    wait_while([&] { return opened_->ticking; }, std::chrono::minutes{10});
  }

  template <typename Condition>
  void wait_while(const Condition& condition, std::chrono::milliseconds most) {
    const Moment until = timeline_.now() + most;
    while (condition() && timeline_.now() < until) timeline_.sleep(Duration{5'000});
  }

  Timeline& timeline_;
  const std::shared_ptr<Opened> opened_;
};

std::shared_ptr<DynamoService> make_service(Timeline& timeline, const dynamo::Tables& tables,
                                            StoreObserver& observer, Duration lag) {
  struct Holder {
    DynamoService* service = nullptr;
    WorkerLives lives{
        std::chrono::duration_cast<Duration>(dynamo::CoordinatorOptions().failure_timeout)};
  };
  const auto self = std::make_shared<Holder>();
  auto service = std::make_shared<DynamoService>(
      timeline,
      DynamoService::Options{
          .tables = tables,
          .index_lag_max = lag,
          .on_change = [&timeline, &observer, tables, self](const DynamoService::Change& change) {
            auto what = observe(*self->service, change, tables, self->lives, timeline, observer);
            if (!what.empty()) timeline.note(std::move(what));
          }});
  self->service = service.get();
  return service;
}

}  // namespace

DynamoBackend::DynamoBackend(Timeline& timeline, const StoreFaults& faults, StoreObserver& observer,
                             Options options)
    : timeline_(timeline),
      faults_(faults),
      options_(options),
      service_(make_service(timeline, tables_, observer, options.index_lag_max)),
      transit_(Transit::start(timeline)),
      right_(timeline),
      inspected_([&] {
        auto parts = parts_on(timeline_, right_, tables_, options_.shards);
        parts.client = direct_client(service_);
        parts.membership_client = direct_client(service_);
        parts.tuning.read_every = std::chrono::milliseconds{0};
        return std::make_unique<DynamoStore>(std::move(parts), timeline_.dice().random());
      }()) {}

DynamoBackend::~DynamoBackend() {
  transit_->end();
}

Result<std::unique_ptr<Store>> DynamoBackend::open(const Clock& clock) {
  const auto opened = std::make_shared<Opened>();
  opened->machine = std::make_shared<Machine>(Machine{clock});
  auto parts = parts_on(timeline_, clock, tables_, options_.shards);
  const auto client = [&](const dynamo::ClientOptions& like) {
    return std::make_unique<SimulatedClient>(
        transit_, service_, faults_, opened->machine,
        SimulatedClient::Options{.tries_max = like.tries_max,
                                 .request_timeout = like.request_timeout});
  };
  parts.client = client({});
  parts.membership_client = client(dynamo::membership_client_options({}));
  opened->join_timeout = parts.coordinator.join_timeout;
  opened->store = std::make_unique<DynamoStore>(std::move(parts), timeline_.dice().random());
  return std::make_unique<OpenedStore>(timeline_, opened);
}

}  // namespace rhooks::simulator
