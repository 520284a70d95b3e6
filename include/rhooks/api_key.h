#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/task.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rhooks {

// What who has an API key may do where it holds: all that the roles before it may, and more.
enum class Role {
  kRead,   // see tasks, logs, endpoints, redrives, and what may be seen of secrets
  kWrite,  // register tasks, change, cancel, delete and run them
  kAdmin,  // endpoints, secrets, redrives, and clearing namespaces; in all of them also API keys
};

const char* to_string(Role role);  // "read"

struct ApiKeySpec {
  Role role = Role::kRead;
  // Where it holds, 1 to 64 of them: "shop"; "shop-*", those that begin so; "*", everywhere.
  std::vector<std::string> namespaces;
  std::optional<TimePoint> expires_at;  // from then on it opens nothing
  // How many calls its holder may make in a time, of each server; one more is answered 429. None:
  // any number.
  std::optional<Rate> rate;
  std::string description;  // for people; at most 1 KiB

  friend bool operator==(const ApiKeySpec&, const ApiKeySpec&) = default;
};

// An API key as it is shown: without what its holder sends, which is not stored.
struct ApiKey : ApiKeySpec {
  std::string id;        // 12 characters, which the key has behind "rhk_"
  std::string revision;  // names this state of it, and no other
  TimePoint created_at{};
  TimePoint updated_at{};

  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

// One that was just made, the only time that the key itself is there to be seen.
struct CreatedApiKey : ApiKey {
  std::string key;  // "rhk_" ID "_" and 32 random bytes in base64url, 60 characters

  friend bool operator==(const CreatedApiKey&, const CreatedApiKey&) = default;
};

// What is known of a key that somebody sends.
struct SentApiKey {
  bool any = false;                   // whether there are API keys at all
  std::shared_ptr<const ApiKey> key;  // null: it is none of them
  bool expired = false;               // it is one that opens nothing any more
};

struct ApiKeysQuery {
  int limit = 100;        // 1 to 1000
  std::string start_key;  // last_evaluated_key of the page before
};

struct ApiKeyPage {
  std::vector<ApiKey> items;  // ordered by id
  // Not empty: there may be more. A page may be shorter than `limit` and have one.
  std::string last_evaluated_key;
};

}  // namespace rhooks
