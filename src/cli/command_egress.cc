#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "egress/address_class.h"
#include "egress/policy.h"
#include "egress/target.h"
#include "hooks/hooks_parts.h"
#include "json/writer.h"
#include "model/url.h"

namespace rhooks::cli {
namespace {

struct EgressArgs {
  std::string action;
  std::string target;
};

// What the policy says of one address of the host.
struct Verdict {
  egress::Ip address{};
  std::string_view is;  // its class
  std::optional<std::string_view> refusal;
};

struct Checked {
  egress::Target target;
  std::string mode;
  std::optional<std::string_view> refusal;  // whatever the addresses are
  std::vector<Verdict> verdicts;
  bool by_proxy = false;  // which looks names up

  bool allowed() const {
    if (refusal) return false;
    const auto may = [](const Verdict& one) { return !one.refusal; };
    return verdicts.empty() || std::any_of(verdicts.begin(), verdicts.end(), may);
  }
};

// What may stand alone: a host or an address, with or without a port.
std::string url_of(const std::string& text) {
  if (text.find("://") != text.npos) return text;
  if (egress::parse_ip(text) && text.find(':') != text.npos) return "https://[" + text + "]/";
  return "https://" + text + "/";
}

Result<std::vector<egress::Ip>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0) {
    return fail(ErrorCode::kUnavailable,
                "the name " + host + " is not resolved: " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
  std::vector<egress::Ip> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const auto end = egress::end_of(*one->ai_addr);
    if (end) addresses.push_back(end->ip);
  }
  return addresses;
}

Result<Checked> check(const Options& options, const std::string& text) {
  const std::string url = url_of(text);
  if (auto valid = model::validate_url(url); !valid) {
    return usage("\"" + text + "\" is no URL, host or address: " + valid.error().message);
  }
  auto policy = egress_policy(options);
  if (!policy) return fail(std::move(policy.error()));
  Checked checked{egress::target_of(url), options.egress, {}, {}, !options.egress_proxy.empty()};
  checked.refusal = policy->refuses(checked.target);
  std::vector<egress::Ip> addresses = checked.target.addresses;
  if (addresses.empty() && !checked.refusal && !checked.by_proxy) {
    auto found = look_up(checked.target.host);
    if (!found) return fail(std::move(found.error()));
    addresses = std::move(*found);
  }
  for (const egress::Ip& address : addresses) {
    checked.verdicts.push_back(
        {address, to_string(policy->class_of(address)), policy->refuses(checked.target, address)});
  }
  return checked;
}

void print_checked(Io& io, const Checked& checked) {
  io.out << (checked.allowed() ? "may" : "may not") << " be sent to "
         << printable(checked.target.host) << " on port " << checked.target.port
         << " (egress: " << checked.mode << ")";
  if (checked.refusal) {
    io.out << ": " << printable(egress::describe(*checked.refusal, checked.target));
  } else if (checked.verdicts.empty()) {
    io.out << ", as far as the proxy lets it";
  }
  io.out << '\n';
  if (checked.verdicts.empty()) return;
  Table table({{"ADDRESS"}, {"CLASS"}, {"VERDICT"}}, table_style(io));
  for (const Verdict& one : checked.verdicts) {
    const std::string verdict = one.refusal ? "refused: " + std::string(*one.refusal) : "allowed";
    table.add({{egress::to_text(one.address)},
               {std::string(one.is)},
               {verdict, one.refusal ? Colour::kRed : Colour::kGreen}});
  }
  table.flush(io.out);
}

std::string json_of(const Checked& checked) {
  JsonWriter out;
  out.begin_object();
  out.string("host", checked.target.host);
  out.integer("port", checked.target.port);
  out.string("egress", checked.mode);
  out.boolean("allowed", checked.allowed());
  out.string_if_any("refusal", checked.refusal.value_or(""));
  out.begin_array("addresses");
  for (const Verdict& one : checked.verdicts) {
    out.begin_object();
    out.string("address", egress::to_text(one.address));
    out.string("class", one.is);
    out.boolean("allowed", !one.refusal);
    out.string_if_any("refusal", one.refusal.value_or(""));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

int run_check(Commands& commands, const EgressArgs& args) {
  Io& io = commands.io();
  if (args.action != "check") {
    return report(io,
                  "there is no `rhooks egress " + args.action + "`; there is `rhooks egress check`",
                  kExitUsage);
  }
  const auto config = commands.config();
  if (!config) return kExitUsage;
  const auto checked = check(config->options(), args.target);
  if (!checked) {
    const bool wrong = checked.error().code == ErrorCode::kInvalidArgument;
    return report(io, checked.error(), wrong ? kExitUsage : kExitFailed);
  }
  if (commands.json()) {
    print_json(io, json_of(*checked));
  } else {
    print_checked(io, *checked);
  }
  return checked->allowed() ? kExitDone : kExitFailed;
}

}  // namespace

void add_egress(Commands& commands) {
  auto args = std::make_shared<EgressArgs>();
  CLI::App& command = commands.add(
      "egress",
      "Show whether webhooks may be sent somewhere; nothing is sent, and the exit code is 0 where "
      "they may, else 1.",
      {"rhooks egress check https://api.example.com/hook", "rhooks egress check 10.0.0.7 --json",
       "rhooks egress check api.internal:8080 --config rhooks.toml",
       "rhooks egress check api.internal --egress public --egress-allow '*.internal'"},
      [&commands, args] { return run_check(commands, *args); });
  command.add_option("action", args->action, "what to do")->type_name("check")->required();
  command.add_option("target", args->target, "a URL, or a host or address, with :PORT or without")
      ->type_name("TARGET")
      ->required();
  commands.add_settings(command, {"egress", "egress_allow", "egress_deny", "egress_ports",
                                  "egress_https_only", "egress_nat64", "egress_proxy", "listen"});
  commands.add_json_option(command);
}

}  // namespace rhooks::cli
