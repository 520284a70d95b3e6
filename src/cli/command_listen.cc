#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <iostream>
#include <latch>

#include "base/ascii.h"
#include "base/duration.h"
#include "base/iso8601.h"
#include "base/mutex.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/number_option.h"
#include "cli/port_file.h"
#include "cli/secret_args.h"
#include "cli/show.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/times.h"
#include "codec/json_parts.h"
#include "json/text.h"
#include "json/writer.h"
#include "model/limits.h"
#include "rest/http_server.h"
#include "signing/webhook.h"

namespace rhooks::cli {
namespace {

struct ListenArgs {
  std::string address = "127.0.0.1";
  int port = 9000;
  int status = 200;
  std::int64_t fail_first = 0;
  std::string delay = "0";
  std::int64_t count = 0;
  bool verbose = false;
  bool json = false;
  std::string port_file;
  std::string secret_file;
};

// Prints requests as they arrive and answers them: first the one, then the other, since a sender
// takes a 2xx for the end of the matter. What cannot be printed, and what comes after the last one
// wanted, is refused, so that its sender tries again.
// Threads: handle() runs on several; the lines of one request are printed together.
class Listener {
 public:
  // `keys`: what requests have to be signed with; none: signatures are not looked at.
  Listener(const ListenArgs& args, std::vector<signing::Key> keys, std::chrono::milliseconds delay,
           Io& io, Signals& signals)
      : args_(args), keys_(std::move(keys)), delay_(delay), io_(io), signals_(signals) {}

  // Where it listens, before any request. Whoever reads may be slow from the first line on, and
  // standard error would wait for standard output: they are tied.
  void announce(const std::string& endpoint) {
    // On standard error, so that --json gives nothing but JSON on the output.
    (args_.json ? io_.err : io_.out) << "listening on http://" << endpoint << std::endl;
    announced_.count_down();
  }

  rest::HttpResponse handle(const rest::HttpRequest& request) {
    announced_.wait();
    // The handler may have waited for a thread: the arrival is what counts.
    const auto waited = std::chrono::steady_clock::now() - request.received_at;
    const TimePoint arrived =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now() - waited);
    rest::HttpResponse response;
    bool last = false;
    {
      MutexLock lock(mutex_);
      if (full_) return refusal();
      const std::int64_t number = ++seen_;
      response.status = number <= args_.fail_first ? 500 : args_.status;
      print(request, arrived, response.status);
      if (!io_.out) {
        full_ = true;
        signals_.stop_waiting();
        return refusal();
      }
      last = args_.count > 0 && number == args_.count;
      full_ = last;
      // An answer that is late on purpose: what ends it early is the end of the command.
      const auto until = std::chrono::steady_clock::now() + delay_;
      bool early = delay_.count() > 0;
      while (early && !stopping_) early = ended_.wait_until(lock, until);
    }
    response.content_type = "text/plain";
    response.body =
        response.status >= 200 && response.status < 300 ? "ok\n" : "refused by rhooks listen\n";
    if (response.status == 204 || response.status == 304) {
      response.content_type.clear();
      response.body.clear();
    }
    if (last) signals_.stop_waiting();
    return response;
  }

  // Ends the waits of handlers.
  void stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    ended_.notify_all();
  }

 private:
  static rest::HttpResponse refusal() {
    return {.status = 503,
            .content_type = "text/plain",
            .headers = {},
            .body = "rhooks listen takes no more requests\n"};
  }

  void print(const rest::HttpRequest& request, TimePoint arrived, int status) {
    if (args_.json) {
      print_json(request, arrived, status);
    } else {
      print_text(request, arrived, status);
    }
    io_.out.flush();
  }

  Result<void> check_signature(const rest::HttpRequest& request, TimePoint arrived) const {
    VerifyOptions options;
    options.now = arrived;
    return signing::verify(keys_, request.headers, request.body, options);
  }

  void print_text(const rest::HttpRequest& request, TimePoint arrived, int status) {
    const bool colours = io_.colours();
    const bool ok = status >= 200 && status < 300;
    const auto tint = [&](const std::string& text, Colour colour) {
      return colours ? coloured(text, colour) : text;
    };
    const std::string* id = request.header("webhook-id");
    io_.out << tint(show_time(arrived), Colour::kDim) << "  "
            << tint(printable(request.method), Colour::kBold) << ' ' << printable(request.target)
            << "  " << tint(std::to_string(status), ok ? Colour::kGreen : Colour::kRed)
            << (id != nullptr ? "  " + printable(*id) : "") << '\n';
    if (!keys_.empty()) {
      const auto good = check_signature(request, arrived);
      io_.out << "  signature: "
              << (good ? tint("good", Colour::kGreen)
                       : tint("refused", Colour::kRed) + ", " + good.error().message)
              << '\n';
    }
    if (args_.verbose) {
      for (const Header& header : request.headers) {
        io_.out << "  " << printable(header.name) << ": " << printable(header.value) << '\n';
      }
    }
    std::string_view body;
    const std::string pretty = pretty_body(request.body);
    for (body = pretty; !body.empty();) {
      const auto end = std::min(body.find('\n'), body.size());
      io_.out << "  " << body.substr(0, end) << '\n';
      body.remove_prefix(std::min(end + 1, body.size()));
    }
  }

  // Headers as in the API. A body is JSON if it is JSON, otherwise text.
  void print_json(const rest::HttpRequest& request, TimePoint arrived, int status) {
    std::vector<Header> headers = request.headers;
    for (Header& header : headers) header.name = lower_case(header.name);
    JsonWriter out;
    out.begin_object();
    out.time("arrivedAt", arrived);
    out.string("method", request.method);
    out.string("path", request.target);
    out.integer("status", status);
    if (!keys_.empty()) {
      const auto good = check_signature(request, arrived);
      out.begin_object("signature");
      out.boolean("valid", good.has_value());
      if (!good) out.string("reason", good.error().message);
      out.end_object();
    }
    codec::write_headers(out, "headers", headers);
    out.name("body");
    if (const auto compact = compact_json(request.body)) {
      out.raw(*compact);
    } else {
      out.string(request.body);
    }
    out.end_object();
    cli::print_json(io_, out.take());
  }

  const ListenArgs& args_;
  const std::vector<signing::Key> keys_;
  const std::chrono::milliseconds delay_;
  Io& io_;
  Signals& signals_;
  std::latch announced_{1};
  Mutex mutex_;
  ConditionVariable ended_;
  std::int64_t seen_ RHOOKS_GUARDED_BY(mutex_) = 0;
  bool full_ RHOOKS_GUARDED_BY(mutex_) = false;  // no further request is taken
  bool stopping_ RHOOKS_GUARDED_BY(mutex_) = false;
};

int run_listen(Io& io, const ListenArgs& args) {
  const auto delay = parse_duration(args.delay);
  if (!delay) return report(io, "--delay: " + delay.error().message, kExitUsage);

  std::vector<signing::Key> keys;
  if (!args.secret_file.empty()) {
    auto read = read_secrets(args.secret_file);
    if (!read) return report(io, read.error(), kExitUsage);
    keys = std::move(*read);
  }

  Signals signals;
  Listener listener(args, std::move(keys), *delay, io, signals);
  rest::HttpServerOptions options;
  options.address = args.address;
  options.port = static_cast<std::uint16_t>(args.port);
  rest::HttpServer server(
      options, [&](const rest::HttpRequest& request) { return listener.handle(request); });
  if (auto started = server.start(); !started) {
    return report(io, started.error(),
                  started.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailed);
  }
  listener.announce(server.endpoint());
  if (!args.port_file.empty()) {
    if (auto written = write_port_file(args.port_file, server.port()); !written) {
      return report(io, written.error(), kExitFailed);
    }
  }

  const int signal = signals.wait(io.out_fd);
  // Whoever should read the output may do so slowly, or never: a second signal does not wait.
  signals.end_on_next([](int) {});
  listener.stop();
  // The last answers are on their way.
  server.stop(std::chrono::milliseconds{2'000});
  signals.forget_callback();
  if (signal == SIGPIPE) return exit_code_of_signal(SIGPIPE);  // as of any other `… | head -1`
  if (!io.out) return report(io, "the output cannot be written", kExitFailed);
  return kExitDone;
}

}  // namespace

void add_listen(Commands& commands) {
  auto args = std::make_shared<ListenArgs>();
  CLI::App& command = commands.add(
      "listen", "Receive webhooks on this machine and print what arrives.",
      {"rhooks listen --port 9000", "rhooks listen --port 9000 --fail-first 2 --verbose",
       "rhooks listen --port 0 --count 1 --json", "rhooks listen --secret-file secret"},
      [&commands, args] { return run_listen(commands.io(), *args); });
  add_number(command, "-p,--port", args->port, {0, 65'535}, "port; 0 takes a free one [9000]")
      ->type_name("PORT");
  command.add_option("--address", args->address, "address to bind [127.0.0.1]")
      ->type_name("ADDRESS");
  add_number(command, "--status", args->status, {200, model::kStatusMax},
             "status to answer with [200]")
      ->type_name("CODE");
  add_number(command, "--fail-first", args->fail_first, {0}, "answer the first N requests with 500")
      ->type_name("N");
  command.add_option("--delay", args->delay, "answer so much later: 100ms, 2s")->type_name("TIME");
  add_number(command, "--count", args->count, {0},
             "take N requests, refuse more and end; 0: never [0]")
      ->type_name("N");
  command.add_flag("-v,--verbose", args->verbose, "print headers as well");
  command.add_flag("--json", args->json, "print a line of JSON for each request");
  command.add_option("--port-file", args->port_file, "write the port into this file")
      ->type_name("FILE");
  command
      .add_option("--secret-file", args->secret_file,
                  "file with secrets, one a line: show whether each request is signed with one")
      ->type_name("FILE");
}

}  // namespace rhooks::cli
