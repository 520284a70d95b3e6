#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace rhooks {

// How to open a scheduler. The defaults suit one machine and an embedded store.
struct Options {
  // Where tasks live:
  //   rocksdb:PATH   an embedded store in the directory PATH, created if missing
  //   memory:        in this process only; gone with it
  //   dynamodb:?…    tables of Amazon DynamoDB, which any number of processes share; with the
  //                  parameters region, endpoint, tasks, logs, profile, create and shards:
  //                  dynamodb:?region=eu-west-1&tasks=my-tasks&logs=my-logs&create=true
  std::string store = "rocksdb:rhooks-data";

  // The most tasks that one worker attempts at the same time: 1 to 10,000. From 8 on, but not on
  // dynamodb: yet, they are shared out, so that receivers that are slow or do not answer do not
  // make webhooks to others late (docs/semantics.md).
  int concurrency = 256;
  // So many failed executions in a row make a recurring task FAILED; at least 1.
  int max_errors = 5;
  // Logs are dropped after so long (logsTtlInSeconds); 0 keeps them.
  std::chrono::seconds logs_ttl{std::chrono::hours{24 * 30}};
  // Tasks are deleted so long after they became DONE or FAILED; 0 keeps them. It is for those that
  // end from then on. An idempotency key whose task was deleted so registers a new one.
  std::chrono::seconds done_ttl{0};
  std::chrono::seconds failed_ttl{0};

  // Memory that this process may take, in bytes: 256 MiB to 1 TiB. What tasks on the way, pages,
  // and caches may hold follows from it, and for `rhooks serve` what clients may. It is no hard
  // limit: the program itself takes some 50 MiB besides.
  std::size_t memory_max = std::size_t{2} << 30;

  // Limits of one attempt.
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{30'000};
  // The longest wait between two attempts; the first waits are 1 s, 2 s, 4 s, …
  std::chrono::milliseconds backoff_max{std::chrono::hours{1}};
  // stop() lets attempts end for so long; after it they are cut off, and due again.
  std::chrono::milliseconds drain_timeout{25'000};
  // PEM file of certificate authorities to trust instead of the system's; empty: the system's.
  // For the receivers of webhooks; what AWS_CA_BUNDLE names is for DynamoDB.
  std::string ca_file;

  // The directory of the time zone database of IANA, as TZif files (RFC 9636); of Debian's tzdata
  // by default. Without one there are UTC and fixed offsets, and schedules in other zones are
  // refused.
  std::string zone_dir = "/usr/share/zoneinfo";
  // Where webhooks may be sent (docs/security.md, "Where webhooks may go"):
  //   open    everywhere but to the metadata services of clouds
  //   public  to addresses of the public internet only
  std::string egress = "open";
  // Exceptions, each NETWORK, NAME or *.SUFFIX: "10.1.0.0/16", "[fd00::/8]:443",
  // "api.internal:8080",
  // "*.svc.local". What is denied no rule allows. At most 1,000 each.
  std::vector<std::string> egress_allow;
  std::vector<std::string> egress_deny;
  std::vector<std::string> egress_ports;  // "443", "8000-8999"; none: all ports
  bool egress_https_only = false;
  // Prefixes of the network's own NAT64 (RFC 6052), beside 64:ff9b::/96.
  std::vector<std::string> egress_nat64;
  // "http://[USER@]HOST:PORT" or "socks5://…": by way of which all webhooks go; empty: none. It
  // looks up the names of hosts, so where those may lead it has to judge.
  std::string egress_proxy;
  std::string egress_proxy_password;
  // Master keys, which secrets are sealed by before they are stored: 32 bytes in base64 each, with
  // white space or commas between them. The first seals, all open. Without one no secret can be
  // stored or used. At most one of these is given: the keys, or a file that holds them and that its
  // owner alone can read.
  std::string secret_keys;
  std::string secret_key_file;

  // Of the rocksdb: store: opens it although its log of writes is damaged, and loses what was
  // stored after that place. Otherwise opening it fails with kCorrupt, and changes nothing.
  bool drop_damaged_writes = false;

  // The options of the dynamodb: store, as users of DynamoDB know them. They are refused
  // with any other store, so that a mistaken setting is seen. What the URL says as well must
  // be the same here. Secrets are taken here only: URLs end up in logs.
  //
  // Credentials; empty: from where users of AWS expect them (environment, shared files,
  // web identity, container, instance; docs/dynamodb.md), and renewed before they expire.
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // of temporary keys
  // The profile of AWS's shared configuration files; empty: AWS_PROFILE, or "default".
  std::string profile;
  std::string region;            // empty: AWS_REGION, AWS_DEFAULT_REGION or the profile's
  std::string endpoint;          // "http://127.0.0.1:8000"; empty: AWS's own for the region
  std::string tasks_table_name;  // empty: "rhooks-tasks"
  std::string logs_table_name;   // empty: "rhooks-logs"
  bool create_table = false;     // make the tables, or indexes of them, that are missing
};

}  // namespace rhooks
