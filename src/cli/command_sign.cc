#include <CLI/CLI.hpp>
#include <iostream>

#include "base/duration.h"
#include "base/secret_bytes.h"
#include "base/sha256.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/secret_args.h"
#include "cli/show.h"
#include "cli/usage.h"
#include "json/writer.h"
#include "signing/webhook.h"

namespace rhooks::cli {
namespace {

// What `sign` and `verify` share.
struct WebhookArgs {
  std::string secret_file;
  std::string id;
  std::string timestamp;
  std::string body_file;
};

struct VerifyArgs : WebhookArgs {
  std::string signature;
  std::string tolerance = "5m";
};

std::string new_webhook_id() {
  const SecretBytes bytes = SecretBytes::random(16);
  return "msg_" + to_hex(bytes.data(), bytes.size());
}

Result<std::vector<Header>> signed_headers(Io& io, const WebhookArgs& args) {
  const auto keys = read_secrets(io, args.secret_file);
  if (!keys) return fail(keys.error());
  TimePoint at = io.now();
  if (!args.timestamp.empty()) {
    const auto seconds = signing::read_timestamp(args.timestamp);
    if (!seconds)
      return usage("--timestamp is a number of seconds since 1970; leave it out for now");
    at = TimePoint{*seconds};
  }
  const auto body = read_bytes(io, args.body_file);
  if (!body) return fail(body.error());
  return signing::sign(*keys, args.id.empty() ? new_webhook_id() : args.id, at, *body);
}

int sign(Commands& commands, const WebhookArgs& args) {
  Io& io = commands.io();
  const auto headers = signed_headers(io, args);
  if (!headers) return report(io, headers.error().message, kExitUsage);
  if (commands.json()) {
    JsonWriter out;
    out.begin_object();
    for (const Header& header : *headers) out.string(header.name, header.value);
    out.end_object();
    print_json(io, out.take());
  } else {
    for (const Header& header : *headers) io.out << header.name << ": " << header.value << '\n';
  }
  return kExitDone;
}

int verify(Commands& commands, const VerifyArgs& args) {
  Io& io = commands.io();
  const auto keys = read_secrets(io, args.secret_file);
  if (!keys) return report(io, keys.error(), kExitUsage);
  const auto tolerance = parse_duration(args.tolerance);
  if (!tolerance) return report(io, "--tolerance: " + tolerance.error().message, kExitUsage);
  const auto body = read_bytes(io, args.body_file);
  if (!body) return report(io, body.error(), kExitUsage);

  const std::vector<Header> headers{{std::string(signing::kIdHeader), args.id},
                                    {std::string(signing::kTimestampHeader), args.timestamp},
                                    {std::string(signing::kSignatureHeader), args.signature}};
  VerifyOptions options;
  options.tolerance = std::chrono::floor<std::chrono::seconds>(*tolerance);
  options.now = io.now();
  if (const auto good = signing::verify(*keys, headers, *body, options); !good) {
    return report(io, good.error(), kExitFailed);
  }
  if (commands.json()) {
    print_json(io, R"({"valid":true})");
  } else {
    io.out << "the signature is good\n";
  }
  return kExitDone;
}

void add_webhook_options(CLI::App& command, WebhookArgs& args) {
  command
      .add_option("--secret-file", args.secret_file,
                  "file with secrets, one a line [$RHOOKS_SIGNING_SECRET]")
      ->type_name("FILE");
  command.add_option("--body-file", args.body_file, "file with the body's bytes [standard input]")
      ->type_name("FILE");
}

void add_sign(Commands& commands) {
  auto args = std::make_shared<WebhookArgs>();
  CLI::App& command = commands.add(
      "sign", "Sign a body as webhooks are signed, and print the headers to send with it.",
      {"rhooks sign --secret-file secret --body-file body.json",
       "rhooks sign --secret-file secret --body-file body.json | curl -H @- --data-binary "
       "@body.json http://127.0.0.1:9000/",
       "rhooks sign --secret-file secret --json < body.json"},
      [&commands, args] { return sign(commands, *args); });
  add_webhook_options(command, *args);
  command.add_option("--id", args->id, "webhook-id [a new one]")->type_name("ID");
  command.add_option("--timestamp", args->timestamp, "webhook-timestamp: seconds since 1970 [now]")
      ->type_name("SECONDS");
  commands.add_json_option(command);
}

void add_verify(Commands& commands) {
  auto args = std::make_shared<VerifyArgs>();
  CLI::App& command = commands.add(
      "verify", "Check the signature of a webhook; the exit code is 0 where it is good, else 1.",
      {"rhooks verify --secret-file secret --id msg_2b7e --timestamp 1767225600 --signature "
       "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= < body.json",
       "rhooks verify --secret-file secret --id \"$ID\" --timestamp \"$AT\" --signature "
       "\"$SIGNATURE\" "
       "--body-file body.json --tolerance 1d"},
      [&commands, args] { return verify(commands, *args); });
  add_webhook_options(command, *args);
  command.add_option("--id", args->id, "what came as webhook-id")->type_name("ID")->required();
  command.add_option("--timestamp", args->timestamp, "what came as webhook-timestamp")
      ->type_name("SECONDS")
      ->required();
  command.add_option("--signature", args->signature, "what came as webhook-signature")
      ->type_name("SIGNATURES")
      ->required();
  command
      .add_option("--tolerance", args->tolerance, "how long ago, or ahead, it may be signed [5m]")
      ->type_name("TIME");
  commands.add_json_option(command);
}

}  // namespace

void add_signing(Commands& commands) {
  add_sign(commands);
  add_verify(commands);
}

}  // namespace rhooks::cli
