#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "delivery/curl_sender.h"
#include "egress/policy.h"
#include "egress/proxy.h"
#include "hooks/hooks_parts.h"
#include "hooks/memory_plan.h"
#include "model/limits.h"
#include "store/open.h"

namespace rhooks {
namespace {

using std::chrono::milliseconds;

Result<void> check_range(const char* option, std::int64_t value, std::int64_t min,
                         std::int64_t max) {
  if (value >= min && value <= max) return {};
  return fail(ErrorCode::kInvalidArgument,
              std::string(option) + " is " + std::to_string(value) + "; it must be " +
                  std::to_string(min) + " to " + std::to_string(max),
              option);
}

store::GivenSettings dynamo_settings(const Options& o) {
  return {.access_key_id = o.access_key_id,
          .secret_access_key = o.secret_access_key,
          .session_token = o.session_token,
          .region = o.region,
          .endpoint = o.endpoint,
          .profile = o.profile,
          .tasks_table_name = o.tasks_table_name,
          .logs_table_name = o.logs_table_name,
          .create_table = o.create_table};
}

// The options of the dynamodb: store mean nothing to the others.
Result<void> check_dynamo_options(const Options& o) {
  if (auto valid = store::check_url(o.store, dynamo_settings(o)); !valid) return valid;
  if (store::traits_of(o.store).shared) return {};
  const std::array<std::pair<const char*, bool>, 9> given{{
      {"access_key_id", !o.access_key_id.empty()},
      {"secret_access_key", !o.secret_access_key.empty()},
      {"session_token", !o.session_token.empty()},
      {"region", !o.region.empty()},
      {"endpoint", !o.endpoint.empty()},
      {"profile", !o.profile.empty()},
      {"tasks_table_name", !o.tasks_table_name.empty()},
      {"logs_table_name", !o.logs_table_name.empty()},
      {"create_table", o.create_table},
  }};
  for (const auto& [name, set] : given) {
    if (set) {
      return fail(
          ErrorCode::kInvalidArgument,
          std::string(name) + " is an option of the dynamodb: store, but the store is " + o.store,
          name);
    }
  }
  return {};
}

// That the default is not there is no error: a machine without tzdata has UTC.
Result<void> check_zone_dir(const std::string& directory) {
  std::error_code ignored;
  if (directory == Options().zone_dir || std::filesystem::is_directory(directory, ignored))
    return {};
  return fail(ErrorCode::kInvalidArgument,
              "zone_dir is \"" + directory + "\", which is no directory", "zone_dir");
}

// Of endpoints and secrets, where others change them as well.
constexpr milliseconds kKnownMaxAge{5'000};

std::shared_ptr<store::Endpoints> make_endpoints(store::Store& store,
                                                 const store::StoreTraits& traits, TimePoint now) {
  if (traits.shared) return std::make_shared<store::Endpoints>(store, kKnownMaxAge);
  auto endpoints = std::make_shared<store::Endpoints>(store);
  // Registrations on a network loop do not wait for it then.
  endpoints->refresh_if_old(now);
  return endpoints;
}

Result<void> check_egress(const Options& o) {
  if (const auto policy = egress_policy(o); !policy) return fail(policy.error());
  const auto proxy = egress::parse_proxy(o.egress_proxy, o.egress_proxy_password);
  if (!proxy) return fail(proxy.error());
  return {};
}

// None: none are given. Errors: kInvalidArgument.
Result<std::optional<secrets::MasterKeys>> master_keys(const Options& o) {
  if (o.secret_keys.empty() && o.secret_key_file.empty()) return std::nullopt;
  if (!o.secret_keys.empty() && !o.secret_key_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "secret_key_file and secret_keys exclude each other; leave one of them out",
                "secret_key_file");
  }
  const bool is_file = o.secret_keys.empty();
  auto keys = is_file ? secrets::MasterKeys::read_file(o.secret_key_file)
                      : secrets::MasterKeys::parse(o.secret_keys);
  const char* const name = is_file ? "secret_key_file" : "secret_keys";
  if (!keys) return fail(keys.error().code, std::string(name) + ": " + keys.error().message, name);
  return std::optional(std::move(*keys));
}

// Of options that are valid.
delivery::CurlSenderOptions sender_options(const Options& o, std::size_t max_in_flight,
                                           std::shared_ptr<const egress::Policy> egress) {
  return {.connect_timeout = o.connect_timeout,
          .request_timeout = o.request_timeout,
          .max_in_flight = max_in_flight,
          .ca_file = o.ca_file,
          .egress = std::move(egress),
          .proxy = egress::parse_proxy(o.egress_proxy, o.egress_proxy_password).value()};
}

}  // namespace

Result<void> validate(const Options& o) {
  constexpr std::int64_t kDay = milliseconds{std::chrono::hours{24}}.count();
  constexpr std::int64_t kYearsInSeconds = 100LL * 366 * 24 * 3600;
  for (const auto& checked : {
           check_range("concurrency", o.concurrency, 1, model::kConcurrencyMax),
           check_range("max_errors", o.max_errors, 1, 1'000'000),
           check_range("memory_max", static_cast<std::int64_t>(o.memory_max),
                       model::kMemoryMaxLeast, model::kMemoryMaxMost),
           check_range("logs_ttl", o.logs_ttl.count(), 0, kYearsInSeconds),
           check_range("done_ttl", o.done_ttl.count(), 0, kYearsInSeconds),
           check_range("failed_ttl", o.failed_ttl.count(), 0, kYearsInSeconds),
           check_range("connect_timeout", o.connect_timeout.count(), 1, kDay),
           check_range("request_timeout", o.request_timeout.count(), 1, kDay),
           check_range("backoff_max", o.backoff_max.count(), 1, 30 * kDay),
           check_range("drain_timeout", o.drain_timeout.count(), 0, kDay),
           check_zone_dir(o.zone_dir),
           check_dynamo_options(o),
           check_egress(o),
       }) {
    if (!checked) return checked;
  }
  return {};
}

store::StoreTraits store_traits(std::string_view url) {
  return store::traits_of(url);
}

std::vector<std::string> store_warnings(std::string_view url) {
  return store::warnings_of(url);
}

Result<egress::Policy> egress_policy(const Options& o) {
  return egress::Policy::create({.mode = o.egress,
                                 .allow = o.egress_allow,
                                 .deny = o.egress_deny,
                                 .ports = o.egress_ports,
                                 .https_only = o.egress_https_only,
                                 .nat64 = o.egress_nat64});
}

Result<void> validate_store(std::string_view url) {
  return store::check_url(url);
}

Result<Hooks::Parts> make_parts(Options options) {
  if (auto valid = validate(options); !valid) return fail(std::move(valid.error()));

  auto keys = master_keys(options);
  if (!keys) return fail(std::move(keys.error()));

  Hooks::Parts parts;
  parts.metrics = std::make_shared<Metrics>();
  parts.clock = std::make_shared<SystemClock>();
  parts.random = std::make_shared<Random>();

  auto opened =
      store::open_store(options.store, {.metrics = *parts.metrics,
                                        .clock = parts.clock,
                                        .random = *parts.random,
                                        .dynamo = dynamo_settings(options),
                                        .drop_damaged_writes = options.drop_damaged_writes,
                                        .memory = MemoryPlan(options.memory_max).store,
                                        .logs_ttl = options.logs_ttl});
  if (!opened) return fail(std::move(opened.error()));
  parts.store = std::move(opened->store);
  parts.store->measure_by(*parts.metrics);
  parts.clock = std::move(opened->clock);
  parts.endpoints = make_endpoints(*parts.store, store_traits(options.store), parts.clock->now());

  parts.zones = std::make_shared<schedule::Zones>(options.zone_dir);
  parts.egress = std::make_shared<const egress::Policy>(egress_policy(options).value());
  parts.secrets = std::make_shared<secrets::Secrets>(
      *parts.store, std::move(*keys),
      store_traits(options.store).shared ? std::optional(kKnownMaxAge) : std::nullopt);

  auto sender = delivery::CurlSender::create(
      sender_options(options, static_cast<std::size_t>(options.concurrency), parts.egress),
      *parts.clock);
  if (!sender) return fail(std::move(sender.error()));
  parts.sender = std::move(*sender);
  parts.make_sender = [for_one = sender_options(options, 1, parts.egress),
                       clock = parts.clock]() -> Result<std::unique_ptr<delivery::Sender>> {
    return delivery::CurlSender::create(for_one, *clock);
  };
  parts.share_writes = store_traits(options.store).groups_writes;
  parts.options = std::move(options);
  return parts;
}

}  // namespace rhooks
