#include "store/open.h"

#include <filesystem>

#include "store/dynamo/dynamo_store.h"
#include "store/memory/memory_store.h"
#include "store/rocks/rocks_store.h"

namespace rhooks::store {
namespace {

constexpr std::string_view kRocks = "rocksdb:";
constexpr std::string_view kMemory = "memory:";
constexpr std::string_view kDynamo = "dynamodb:";

// What of a refused URL is shown. What is no path may hold a secret that was pasted at the wrong
// place.
std::string shown_url(std::string_view url) {
  std::string_view shown = url.substr(0, url.find_first_of("?#"));
  if (shown.find_first_of("@=") != std::string_view::npos) {
    shown = shown.substr(0, shown.find_first_of(":@=") + 1);
  }
  if (shown.size() == url.size()) return std::string(url);
  return std::string(shown) + (url.substr(shown.size()).starts_with('?') ? "?…" : "…");
}

// A home directory or a variable at the beginning of a path is put in by a shell, and within
// rocksdb:PATH by none. Taken as it stands, the store would be in a directory of that name.
Result<void> check_path(std::string_view path) {
  if (path.front() != '~' && path.front() != '$') return {};
  const std::string given = shown_url(path);
  std::string instead = "the whole path";
  if (path == "~" || path.starts_with("~/")) {
    instead =
        "rocksdb:$HOME" + given.substr(1) + " where a shell reads it, the whole path elsewhere";
  }
  return fail(ErrorCode::kInvalidArgument,
              "'rocksdb:" + given + "' begins with '" + given.front() +
                  "', which was not replaced; write " + instead + ", or rocksdb:./" + given +
                  " for a directory of that name",
              "store");
}

// So that the disk is given back within a quarter of the time that logs are kept, or ten minutes,
// though a file is looked at only so often: it may be half that old again by then.
std::chrono::seconds rewrite_after(std::chrono::seconds ttl) {
  constexpr std::chrono::seconds kOften = std::chrono::minutes{5};
  constexpr std::chrono::seconds kSeldom = std::chrono::hours{24};
  return ttl.count() == 0 ? kSeldom : std::max(kOften, ttl / 8);
}

}  // namespace

Result<void> check_url(std::string_view url, const GivenSettings& dynamo) {
  if (url.starts_with(kDynamo)) {
    auto settings = dynamo::settings_of(url, dynamo);
    if (!settings) return fail(std::move(settings.error()));
    return {};
  }
  if (url.starts_with(kRocks) && url.size() > kRocks.size()) {
    return check_path(url.substr(kRocks.size()));
  }
  if (url == kMemory) return {};
  return fail(ErrorCode::kInvalidArgument,
              "'" + shown_url(url) +
                  "' is no store; it must be rocksdb:PATH (a directory, created if missing), "
                  "dynamodb:?region=… (tables of Amazon DynamoDB) or memory: (gone with the "
                  "process)",
              "store");
}

StoreTraits traits_of(std::string_view url) {
  if (url.starts_with(kDynamo)) return {.shared = true, .groups_writes = false};
  if (url == kMemory) return {.outlives_process = false};
  if (!url.starts_with(kRocks)) return {};
  return {.directory = std::string(url.substr(kRocks.size()))};
}

std::vector<std::string> warnings_of(std::string_view url) {
  const std::string path = traits_of(url).directory;
  if (path.empty()) return {};
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status found = fs::status(path, error);
  constexpr auto kOthers = fs::perms::group_all | fs::perms::others_all;
  if (!fs::exists(found) || (found.permissions() & kOthers) == fs::perms::none) return {};
  return {"the store directory '" + path + "' is open to other users; chmod 700 closes it"};
}

Result<Opened> open_store(std::string_view url, const OpenOptions& options) {
  if (auto valid = check_url(url, options.dynamo); !valid) return fail(std::move(valid.error()));
  if (url.starts_with(kDynamo)) {
    auto settings = dynamo::settings_of(url, options.dynamo);
    if (!settings) return fail(std::move(settings.error()));
    DynamoTuning tuning;
    tuning.page_bytes_max = options.memory.page_bytes;
    auto opened = open_dynamo(*settings, options.metrics, options.clock, options.random, tuning);
    if (!opened) return fail(std::move(opened.error()));
    return Opened{std::move(opened->store), std::move(opened->clock)};
  }
  if (url == kMemory) return Opened{std::make_unique<MemoryStore>(), options.clock};
  RocksOptions rocks_options;
  rocks_options.drop_damaged_writes = options.drop_damaged_writes;
  rocks_options.metrics = &options.metrics;
  rocks_options.rewrite_logs_after = rewrite_after(options.logs_ttl);
  rocks_options.page_bytes_max = options.memory.page_bytes;
  rocks_options.claim_bytes_max = options.memory.claim_bytes;
  rocks_options.write_buffer_bytes = options.memory.write_buffer_bytes;
  rocks_options.cache_bytes = options.memory.cache_bytes;
  auto rocks = open_rocks(std::string(url.substr(kRocks.size())), rocks_options);
  if (!rocks) return fail(std::move(rocks.error()));
  return Opened{std::move(*rocks), options.clock};
}

}  // namespace rhooks::store
