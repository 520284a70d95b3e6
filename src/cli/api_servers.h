#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/config.h"
#include "observe/metrics.h"
#include "rest/access.h"
#include "rest/api.h"
#include "rest/http_server.h"

namespace rhooks::cli {

// How a server is reached, as the settings say it: read and checked.
struct ServerPlan {
  std::string api_key;
  rest::ListenAddress listen;
  std::optional<rest::ListenAddress> admin_listen;
  // Whether others than this machine reach it, and there is no api_key: it needs keys in the store.
  bool key_needed = false;
  std::optional<rest::TlsFiles> tls_files;
  std::shared_ptr<const rest::TlsContext> tls;  // what is in these files; null: plain HTTP

  // Whether others than this machine do, at one of its addresses; and send their keys unencrypted.
  bool reached_by_others() const;
  bool takes_keys_in_the_clear() const { return reached_by_others() && !tls_files; }
};

// Blocks: reads the files. Errors: kInvalidArgument, with the setting as field.
Result<ServerPlan> plan_servers(const Config& config);
// Refuses one that others would reach without a key. Errors: likewise.
Result<void> check_keys(const ServerPlan& plan, bool there_are_keys);

struct ServerResources {
  std::size_t memory_max = 0;       // Options::memory_max
  std::size_t connections_max = 0;  // as many as the limit of open files allows
  bool register_later = true;       // rest::ApiOptions::register_later
};

// The servers of one process: the REST API at `listen` and, where there is one, /metrics and health
// at `admin_listen`. Both speak TLS, or none of them.
//
// Threads: one, but for stop(), which may be called from another one.
// Ownership: hooks must outlive it.
class ApiServers {
 public:
  ApiServers(ServerPlan plan, const ServerResources& resources, Hooks& hooks,
             std::shared_ptr<Metrics> metrics);

  // Errors: as HttpServer::start(). From its return no delivery goes to these addresses.
  Result<void> start();
  // Reads certificate and key anew, for the connections that come from then on. Where they cannot
  // be used those that were there stay. Blocks: reads files. What came of it is logged and counted.
  void reload_tls();
  // HttpServer::stop() of both.
  void stop(std::chrono::milliseconds grace);

  std::uint16_t port() const { return api_.server.port(); }
  std::string url() const { return url_of(api_); }
  // None without admin_listen.
  std::optional<std::string> admin_url() const;

 private:
  struct Part {
    Part(Hooks& hooks, rest::ApiOptions api_options, rest::HttpServerOptions options);
    rest::Api api;
    rest::HttpServer server;
  };

  Result<void> start(Part& part, const rest::ListenAddress& listen);
  std::string url_of(const Part& part) const;
  void show(const std::shared_ptr<const rest::TlsContext>& tls);

  const ServerPlan plan_;
  const std::shared_ptr<Metrics> metrics_;
  Part api_;
  std::optional<Part> admin_;
};

}  // namespace rhooks::cli
