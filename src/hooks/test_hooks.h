#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "hooks/hooks_parts.h"
#include "store/memory/memory_store.h"
#include "testing/manual_clock.h"
#include "testing/scripted_sender.h"

namespace rhooks {

using namespace std::chrono_literals;
using testing::ManualClock;
using testing::ScriptedSender;
using Reply = ScriptedSender::Reply;

// A Hooks on a memory store, a clock by hand and a sender by script.
struct TestHooks {
  explicit TestHooks(Options options = {}, std::unique_ptr<store::Store> store = nullptr,
                     std::optional<std::chrono::milliseconds> max_age = std::nullopt,
                     bool with_master_key = true) {
    Hooks::Parts parts;
    parts.options = std::move(options);
    parts.metrics = std::make_shared<Metrics>();
    parts.clock = clock;
    parts.random = std::make_shared<Random>(1);
    parts.store = store ? std::move(store) : std::make_unique<store::MemoryStore>(1);
    parts.endpoints = std::make_shared<store::Endpoints>(*parts.store, max_age);
    std::optional<secrets::MasterKeys> keys;
    if (with_master_key) keys = secrets::MasterKeys::parse(kMasterKey).value();
    parts.secrets = std::make_shared<secrets::Secrets>(*parts.store, std::move(keys), max_age);
    auto scripted = std::make_unique<ScriptedSender>(*clock);
    sender = scripted.get();
    parts.sender = std::move(scripted);
    parts.make_sender = [this]() -> Result<std::unique_ptr<delivery::Sender>> {
      return std::make_unique<ScriptedSender>(*clock, test_script);
    };
    parts.zones = std::make_shared<schedule::Zones>(parts.options.zone_dir);
    parts.egress = std::make_shared<const egress::Policy>(egress_policy(parts.options).value());
    parts.share_writes = true;
    hooks = std::make_unique<Hooks>(std::move(parts));
  }

  static constexpr const char* kMasterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

  // A task that is due at once.
  static NewTask post(const std::string& id) {
    NewTask task;
    task.ns = "ns";
    task.id = id;
    task.request.method = Method::kPost;
    task.request.url = "http://127.0.0.1:9/hook";
    task.request.body = Body::json("{}");
    return task;
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  ScriptedSender* sender = nullptr;  // owned by hooks
  // Of the tests of endpoints; without it each is answered 200.
  ScriptedSender::Script test_script;
  std::unique_ptr<Hooks> hooks;
};

inline std::string webhook_id_of(const delivery::HttpRequest& request) {
  for (const Header& header : request.request.headers) {
    if (header.name == "webhook-id") return header.value;
  }
  return "";
}

}  // namespace rhooks
