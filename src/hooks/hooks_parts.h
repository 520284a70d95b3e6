#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "delivery/sender.h"
#include "egress/policy.h"
#include "engine/runtime.h"
#include "observe/metrics.h"
#include "schedule/zones.h"
#include "secrets/secrets.h"
#include "store/api_keys.h"
#include "store/endpoints.h"
#include "store/store.h"
#include "store/traits.h"

namespace rhooks {

// What a Hooks is made of. Tests put their own clock, sender or store in; the server keeps a
// hand on the metrics, which also count its requests.
struct Hooks::Parts {
  Options options;  // checked already
  std::shared_ptr<Metrics> metrics;
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Random> random;
  std::unique_ptr<store::Store> store;
  std::shared_ptr<store::Endpoints> endpoints;  // of that store
  std::shared_ptr<secrets::Secrets> secrets;    // and of that
  std::shared_ptr<store::ApiKeys> api_keys;     // and of that; null: Hooks makes it
  // Of schedules.
  std::shared_ptr<const schedule::Zones> zones = std::make_shared<schedule::Zones>();
  std::unique_ptr<delivery::Sender> sender;
  // By which the sender goes, and what is registered. Null: all may be registered.
  std::shared_ptr<const egress::Policy> egress;
  // Of one for a single request, apart from all others: a test of an endpoint.
  std::function<Result<std::unique_ptr<delivery::Sender>>()> make_sender;
  // Single registrations that wait at the same time share a write, some of them on another thread.
  bool share_writes = false;
  // What its worker and its redrives run on; must outlive them.
  engine::Runtime* runtime = &engine::thread_runtime();
};

// Checks options and opens what they name: see Hooks::open for the errors.
Result<Hooks::Parts> make_parts(Options options);

// Errors: kInvalidArgument with the option as `field`.
Result<void> validate(const Options& options);
// What its options of egress say. Errors: likewise.
Result<egress::Policy> egress_policy(const Options& options);
// Options::store alone, without opening it. Errors: kInvalidArgument with field "store".
Result<void> validate_store(std::string_view url);
// What that store means for those who use it. For a URL that validate_store() accepts.
store::StoreTraits store_traits(std::string_view url);
// What whoever runs a server on it should know: see store::warnings_of().
std::vector<std::string> store_warnings(std::string_view url);

}  // namespace rhooks
