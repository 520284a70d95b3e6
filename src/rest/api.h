#pragma once

#include <rhooks/hooks.h>

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rest/access_control.h"
#include "rest/call_rates.h"
#include "rest/http_server.h"
#include "rest/readiness.h"
#include "rest/refusal_log.h"
#include "rest/router.h"

namespace rhooks::rest {

struct ApiOptions {
  // May do everything. Besides it there may be API keys in the store; where there are none, and
  // this is empty, none is asked for, and access.h says what is asked for instead.
  std::string api_key;
  // Asks for one also then: others than this machine reach the server.
  bool key_needed = false;
  // What there is beside /healthz, /readyz and /openapi.json: a server may have an address of its
  // own for its metrics.
  bool scheduler = true;  // everything below /v1
  bool metrics = true;    // /metrics
  // How old an answer of /readyz may be.
  std::chrono::milliseconds ready_for{1'000};
  // Registrations are answered later, and keep no thread waiting. Not for a store that a
  // registration waits for in any case: Hooks::register_task().
  bool register_later = true;
  // Called once for each request: the route's pattern ("(none)" where nothing matched,
  // "(refused)" where the server gave up on the request before), the method, the status, and
  // the time from the request's head to its response. From any thread; must not block.
  std::function<void(std::string_view route, std::string_view method, int status,
                     std::chrono::microseconds duration)>
      on_request;
};

// The REST API of one scheduler.
//
//   Api api(hooks, {.api_key = key});
//   HttpServerOptions options;
//   api.connect(options);
//   HttpServer server(options, api.handler());
//
// Threads: after construction every method may be called from any thread.
// Blocking: the constructor and handle() wait for the scheduler; admit() never blocks.
// Ownership: hooks must outlive it, and it must outlive the server.
class Api {
 public:
  Api(Hooks& hooks, ApiOptions options);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Decides what can be decided without the body: access, route, its limits.
  Admission admit(const HttpRequest& head) const;
  // Of a request that was admitted, with the route of its admission.
  HttpResponse handle(const HttpRequest& request) const;
  // The same for one that was admitted as Work::kLater. Does not wait.
  void handle_later(const HttpRequest& request, Respond respond) const;

  // Sets what the server asks of the API: admit, handle_later and on_refusal.
  void connect(HttpServerOptions& options) const;
  HttpHandler handler() const;

  const Router& router() const { return router_; }
  const std::string& openapi() const { return openapi_; }

 private:
  // Of who may not call, or not this; it is logged. Null: there is no such route.
  std::optional<HttpResponse> refusal(const HttpRequest& head, const Route* route,
                                      const AccessControl::Answer& caller) const;
  // Of who calls faster than the rate of the key.
  std::optional<HttpResponse> refuse_early(const HttpRequest& head, const Caller& caller) const;
  // Of what cannot be a call.
  std::optional<HttpResponse> refusal(const HttpRequest& head, const Router::Match& match) const;
  HttpResponse answer_to(const HttpRequest& request, const Route& route) const;
  void report(const HttpRequest& request, const Route* route, int status) const;

  ApiOptions options_;
  Readiness readiness_;
  Router router_;
  std::string openapi_;
  AccessControl access_;
  mutable CallRates rates_;
  mutable RefusalLog refused_keys_;
  mutable RefusalLog forbidden_calls_;
};

}  // namespace rhooks::rest
