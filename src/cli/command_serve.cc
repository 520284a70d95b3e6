#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include "cli/api_servers.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/file_limit.h"
#include "cli/port_file.h"
#include "cli/signals.h"
#include "hooks/hooks_parts.h"
#include "observe/logging.h"

namespace rhooks::cli {
namespace {

struct ServeArgs {
  bool print_config = false;
  std::string port_file;
};

// What is wrong with an address, a key or an option is wrong usage; the rest is not.
int report_start(Io& io, const Error& error) {
  return report(io, error, error.code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailed);
}

// Returns how many clients may be connected.
std::size_t share_out_files(std::size_t concurrency) {
  const std::size_t limit = raise_file_limit();
  const std::size_t connections = connections_for(limit, concurrency);
  if (limit >= files_needed(concurrency)) return connections;
  log::warn("few open files are allowed; connections may fail: raise the limit (ulimit -Hn)",
            {{"limit", static_cast<std::int64_t>(limit)},
             {"needed", static_cast<std::int64_t>(files_needed(concurrency))}});
  return connections;
}

// The signal that asks for the end. Until then SIGHUP has certificate and key read anew, but for
// the one that a terminal leaves behind.
int wait_for_end(Signals& signals, ApiServers& servers) {
  while (true) {
    const int signal = signals.wait();
    if (signal != SIGHUP || signals.lost_terminal()) return signal;
    servers.reload_tls();
  }
}

// Says what the policy cannot do here.
void log_egress(const Options& options) {
  if (options.egress_proxy.empty() || options.egress != "public") return;
  log::warn(
      "webhooks are sent by way of a proxy, which looks up names: egress judges addresses in URLs "
      "only, and where names may lead the proxy has to judge");
}

// Serves until a signal asks for the end, and ends. Returns the exit code.
int serve_until_signal(Signals& signals, std::chrono::milliseconds drain_timeout, Hooks& hooks,
                       ApiServers& servers) {
  const int signal = wait_for_end(signals, servers);
  log::info("stopping",
            {{"signal", name_of_signal(signal)}, {"drain_timeout_ms", drain_timeout.count()}});
  std::atomic<int> second{0};
  // Nothing acknowledged is lost by an end at once: the store is synced at every
  // acknowledgement, and attempts under way are repeated.
  signals.end_on_next([&hooks, &second](int next) {
    second = next;
    log::warn("second signal: ending at once", {{"signal", name_of_signal(next)}});
    hooks.stop_now();
  });
  // Both at once: a request that waits for deliveries ends when the worker stops. And again
  // until the server is closed: such a request may begin as long as it is not.
  std::atomic<bool> closed{false};
  std::thread closing([&] {
    servers.stop(drain_timeout);
    closed = true;
  });
  do {
    hooks.stop();
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  } while (!closed);
  closing.join();
  signals.forget_callback();
  if (const int next = second) return exit_code_of_signal(next);
  log::info("stopped");
  return kExitDone;
}

// A server that others reach needs keys: those of its store, where it has no api_key.
Result<void> check_keys_of(const ServerPlan& plan, Hooks& hooks) {
  if (!plan.key_needed) return {};
  const auto sent = hooks.find_api_key({});
  if (!sent) return fail(sent.error());
  return check_keys(plan, sent->any);
}

int serve(Io& io, const Config& config, const ServeArgs& args) {
  auto plan = plan_servers(config);
  if (!plan) return report_start(io, plan.error());
  // Without making a store for that.
  const store::StoreTraits traits = store_traits(config.text("store"));
  if (auto keys = check_keys(*plan, traits.outlives_process && !is_missing(traits)); !keys) {
    return report_start(io, keys.error());
  }
  log::configure(log::parse_level(config.text("log_level")).value(),
                 log::parse_format(config.text("log_format")).value());
  for (const std::string& note : unknown_environment(io.environment)) log::warn(note);
  for (const std::string& warning : config.warnings()) log::warn(warning);
  for (const std::string& warning : store_warnings(config.text("store"))) log::warn(warning);
  if (::geteuid() == 0) {
    log::warn("running as root, which nothing here needs; run it as a user of its own");
  }

  Signals signals;  // before any thread is started
  const Options hooks_options = config.options();
  log_egress(hooks_options);
  const std::size_t connections =
      share_out_files(static_cast<std::size_t>(hooks_options.concurrency));
  auto parts = make_parts(hooks_options);
  if (!parts) return report_start(io, parts.error());
  const std::shared_ptr<Metrics> metrics = parts->metrics;
  Hooks hooks(std::move(*parts));
  if (auto keys = check_keys_of(*plan, hooks); !keys) return report_start(io, keys.error());

  ApiServers servers(std::move(*plan),
                     {.memory_max = hooks_options.memory_max,
                      .connections_max = connections,
                      .register_later = store_traits(hooks_options.store).groups_writes},
                     hooks, metrics);
  // The addresses first: a server that cannot have them delivers nothing.
  if (auto started = servers.start(); !started) return report_start(io, started.error());
  const bool worker = config.boolean("worker");
  if (worker) {
    if (auto started = hooks.start(); !started) return report_start(io, started.error());
  }
  if (!args.port_file.empty()) {
    if (auto written = write_port_file(args.port_file, servers.port()); !written) {
      return report_start(io, written.error());
    }
  }
  const std::string admin_url = servers.admin_url().value_or("");
  log::info("listening", {{"address", servers.url()},
                          {"admin_address", admin_url.empty() ? "none" : admin_url},
                          {"store", config.text("store")}});
  io.out << "listening on " << servers.url() << " (store " << config.text("store")
         << (worker ? "" : ", no worker") << (admin_url.empty() ? "" : ", metrics on " + admin_url)
         << ")" << std::endl;
  io.out.clear();  // a server whose output nobody takes serves as well

  return serve_until_signal(signals, config.duration("drain_timeout"), hooks, servers);
}

}  // namespace

void add_serve(Commands& commands) {
  auto args = std::make_shared<ServeArgs>();
  CLI::App& command = commands.add(
      "serve", "Serve the REST API and deliver what is due.",
      {"rhooks serve", "rhooks serve --store rocksdb:/var/lib/rhooks --listen 127.0.0.1:8090",
       "rhooks serve --store 'dynamodb:?region=us-east-1&create=true'",
       "rhooks serve --config rhooks.toml --concurrency 100 --logs-ttl 7d",
       "RHOOKS_API_KEY=secret rhooks serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key "
       "key.pem",
       "rhooks serve --config rhooks.toml --print-config"},
      [&commands, args] {
        const auto config = commands.config();
        if (!config) return kExitUsage;
        if (args->print_config) {
          commands.io().out << config->print();
          return kExitDone;
        }
        return serve(commands.io(), *config, *args);
      });
  commands.add_settings(command, {"store",           "listen",          "admin_listen",
                                  "tls_cert",        "tls_key",         "tls_min",
                                  "concurrency",     "memory_max",      "max_errors",
                                  "logs_ttl",        "done_ttl",        "failed_ttl",
                                  "connect_timeout", "request_timeout", "backoff_max",
                                  "drain_timeout",   "ca_file",         "zone_dir",
                                  "secret_key_file", "egress",          "egress_allow",
                                  "egress_deny",     "egress_ports",    "egress_https_only",
                                  "egress_nat64",    "egress_proxy",    "drop_damaged_writes",
                                  "worker",          "log_level",       "log_format"});
  command.add_flag("--print-config", args->print_config,
                   "print the settings that take effect, where each came from, and end");
  command.add_option("--port-file", args->port_file, "write the port into this file when ready")
      ->type_name("FILE");
}

}  // namespace rhooks::cli
