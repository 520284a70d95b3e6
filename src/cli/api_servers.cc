#include "cli/api_servers.h"

#include <algorithm>
#include <utility>

#include "base/iso8601.h"
#include "hooks/memory_plan.h"
#include "net/own_listeners.h"
#include "observe/logging.h"

namespace rhooks::cli {
namespace {

// Those who scrape metrics and ask for health are few.
constexpr std::size_t kAdminConnections = 64;

Error of_setting(const char* setting, const Error& error) {
  return {error.code, std::string(setting) + ": " + error.message, setting};
}

Result<rest::ListenAddress> address_of(const Config& config, const char* setting) {
  auto listen = rest::parse_listen(config.text(setting));
  if (!listen) return fail(of_setting(setting, listen.error()));
  return listen;
}

Result<std::optional<rest::TlsFiles>> tls_files_of(const Config& config) {
  rest::TlsFiles files{.certificate = config.text("tls_cert"),
                       .key = config.text("tls_key"),
                       .version_1_3_only = config.text("tls_min") == "1.3"};
  if (files.certificate.empty() && files.key.empty()) return std::nullopt;
  const char* const missing = files.certificate.empty() ? "tls_cert"
                              : files.key.empty()       ? "tls_key"
                                                        : nullptr;
  if (missing == nullptr) return files;
  return fail(ErrorCode::kInvalidArgument,
              std::string(missing) + " is missing: TLS needs tls_cert and tls_key", missing);
}

rest::ApiOptions api_options(const ServerPlan& plan, const ServerResources& resources,
                             const std::shared_ptr<Metrics>& metrics) {
  return {.api_key = plan.api_key,
          .key_needed = plan.key_needed,
          .metrics = !plan.admin_listen,
          .register_later = resources.register_later,
          .on_request = [metrics](std::string_view route, std::string_view method, int status,
                                  std::chrono::microseconds duration) {
            metrics->http_call(route, method, status, duration);
          }};
}

rest::HttpServerOptions server_options(const rest::ListenAddress& listen, const ServerPlan& plan,
                                       const std::shared_ptr<Metrics>& metrics) {
  rest::HttpServerOptions options;
  options.address = listen.address;
  options.port = listen.port;
  options.tls = plan.tls;
  options.on_room_made = [metrics](std::size_t ended) { metrics->http_connections_ended(ended); };
  options.on_handshake_failed = [metrics] { metrics->tls_handshake_failed(); };
  return options;
}

rest::HttpServerOptions main_options(const ServerPlan& plan, const ServerResources& resources,
                                     const std::shared_ptr<Metrics>& metrics) {
  const MemoryPlan memory(resources.memory_max);
  rest::HttpServerOptions options = server_options(plan.listen, plan, metrics);
  const std::size_t others = plan.admin_listen ? kAdminConnections : 0;
  options.connections_max = std::min(std::max(resources.connections_max, others + 1) - others,
                                     plan.tls ? memory.tls_connections : memory.connections);
  options.request_bytes_total_max = memory.requests;
  options.response_bytes_total_max = memory.responses;
  options.body_bytes_max = memory.batch_body;
  return options;
}

rest::HttpServerOptions admin_options(const ServerPlan& plan,
                                      const std::shared_ptr<Metrics>& metrics) {
  rest::HttpServerOptions options = server_options(*plan.admin_listen, plan, metrics);
  options.handler_threads = 2;
  options.connections_max = kAdminConnections;
  options.request_bytes_total_max = std::size_t{1} << 20;
  options.response_bytes_total_max = std::size_t{16} << 20;
  return options;
}

rest::HttpServerOptions connected(rest::HttpServerOptions options, const rest::Api& api) {
  const std::size_t body_bytes_max = options.body_bytes_max;
  api.connect(options);
  options.body_bytes_max = std::min(options.body_bytes_max, body_bytes_max);
  return options;
}

}  // namespace

Result<ServerPlan> plan_servers(const Config& config) {
  ServerPlan plan;
  plan.api_key = config.text("api_key");
  if (auto valid = rest::validate_api_key(plan.api_key); !valid) return fail(valid.error());
  auto listen = address_of(config, "listen");
  if (!listen) return fail(listen.error());
  plan.listen = std::move(*listen);
  if (!config.text("admin_listen").empty()) {
    auto admin = address_of(config, "admin_listen");
    if (!admin) return fail(admin.error());
    plan.admin_listen = std::move(*admin);
  }
  plan.key_needed = plan.api_key.empty() && plan.reached_by_others();
  auto files = tls_files_of(config);
  if (!files) return fail(files.error());
  if (*files) {
    auto tls = rest::TlsContext::load(**files);
    if (!tls) return fail(tls.error());
    plan.tls = std::move(*tls);
  }
  plan.tls_files = std::move(*files);
  return plan;
}

bool ServerPlan::reached_by_others() const {
  return !rest::is_loopback(listen.address) ||
         (admin_listen && !rest::is_loopback(admin_listen->address));
}

Result<void> check_keys(const ServerPlan& plan, bool there_are_keys) {
  const bool has_key = there_are_keys || !plan.api_key.empty();
  if (auto valid = rest::validate_listen(plan.listen.address, has_key); !valid) {
    return fail(of_setting("listen", valid.error()));
  }
  if (!plan.admin_listen) return {};
  if (auto valid = rest::validate_listen(plan.admin_listen->address, has_key); !valid) {
    return fail(of_setting("admin_listen", valid.error()));
  }
  return {};
}

ApiServers::Part::Part(Hooks& hooks, rest::ApiOptions api_options, rest::HttpServerOptions options)
    : api(hooks, std::move(api_options)),
      server(connected(std::move(options), api), api.handler()) {}

ApiServers::ApiServers(ServerPlan plan, const ServerResources& resources, Hooks& hooks,
                       std::shared_ptr<Metrics> metrics)
    : plan_(std::move(plan)),
      metrics_(std::move(metrics)),
      api_(hooks, api_options(plan_, resources, metrics_),
           main_options(plan_, resources, metrics_)) {
  if (!plan_.admin_listen) return;
  rest::ApiOptions options = api_options(plan_, resources, metrics_);
  options.scheduler = false;
  options.metrics = true;
  admin_.emplace(hooks, std::move(options), admin_options(plan_, metrics_));
}

Result<void> ApiServers::start() {
  if (plan_.tls) show(plan_.tls);
  if (plan_.takes_keys_in_the_clear()) {
    log::warn(
        "other machines send the API key over the network in the clear, unless a proxy with TLS is "
        "before this server: set tls_cert and tls_key");
  }
  if (auto started = start(api_, plan_.listen); !started) return started;
  return admin_ ? start(*admin_, *plan_.admin_listen) : Result<void>{};
}

Result<void> ApiServers::start(Part& part, const rest::ListenAddress& listen) {
  if (auto started = part.server.start(); !started) return started;
  net::add_own_listener(listen.address == "localhost" ? "127.0.0.1" : listen.address,
                        part.server.port());
  return {};
}

void ApiServers::reload_tls() {
  if (!plan_.tls_files) {
    log::info("nothing to read anew: there is no tls_cert");
    return;
  }
  const auto loaded = rest::TlsContext::load(*plan_.tls_files);
  metrics_->tls_reloaded(loaded.has_value());
  if (!loaded) {
    log::error("the certificate stays the one that was read before",
               {{"reason", loaded.error().message}});
    return;
  }
  api_.server.set_tls(*loaded);
  if (admin_) admin_->server.set_tls(*loaded);
  show(*loaded);
}

void ApiServers::show(const std::shared_ptr<const rest::TlsContext>& tls) {
  for (const std::string& warning : tls->warnings()) log::warn(warning);
  metrics_->tls_certificate(std::chrono::floor<std::chrono::seconds>(tls->not_after()));
  log::info("the certificate was read",
            {{"file", plan_.tls_files->certificate}, {"ends", format_time(tls->not_after())}});
}

void ApiServers::stop(std::chrono::milliseconds grace) {
  // First: whoever asks for health is to send no more requests here.
  if (admin_) admin_->server.stop(std::chrono::milliseconds{0});
  api_.server.stop(grace);
}

std::optional<std::string> ApiServers::admin_url() const {
  return admin_ ? std::optional(url_of(*admin_)) : std::nullopt;
}

std::string ApiServers::url_of(const Part& part) const {
  return (plan_.tls ? "https://" : "http://") + part.server.endpoint();
}

}  // namespace rhooks::cli
