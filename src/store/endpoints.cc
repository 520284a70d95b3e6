#include "store/endpoints.h"

#include <algorithm>

#include "codec/public_json.h"
#include "observe/logging.h"

namespace rhooks::store {
namespace {

using std::chrono::milliseconds;

constexpr const char* kEndpointKind = "endpoint";
constexpr std::size_t kListedAtOnce = 1000;
// Lists that others overtake before one is given up.
constexpr int kListsMax = 5;
// Between two lists where the first one failed.
constexpr milliseconds kListAgainAfter{1'000};
// After the latest call.
constexpr milliseconds kInUseFor{60'000};

std::string named_endpoint(const std::string& ns, const std::string& name) {
  return "endpoint '" + name + "' in namespace '" + ns + "'";
}

// Also where the clock was set back since.
bool is_over(TimePoint since, milliseconds age, TimePoint now) {
  return now < since || now - since >= age;
}

Endpoints::Found endpoint_or_none(const StoredDocument& document) {
  auto endpoint = endpoint_of(document);
  if (endpoint) return std::make_shared<const Endpoint>(std::move(*endpoint));
  log::error("an endpoint cannot be read", {{"error", endpoint.error().message}});
  return nullptr;
}

Result<Endpoints::Found> found_endpoint(const Endpoints::Found& found, const std::string& ns,
                                        const std::string& name) {
  if (found) return found;
  return fail(ErrorCode::kCorrupt, named_endpoint(ns, name) + " cannot be read; put it anew");
}

tl::unexpected<Error> no_endpoint(const std::string& ns, const std::string& name) {
  return fail(ErrorCode::kNotFound,
              "there is no endpoint '" + name + "' in namespace '" + ns + "'; put it first",
              "endpoint");
}

}  // namespace

DocumentKey endpoint_key(const std::string& ns, const std::string& name) {
  return {kEndpointKind, ns, name};
}

DocumentQuery endpoint_query(std::optional<std::string> ns) {
  DocumentQuery query;
  query.kind = kEndpointKind;
  query.ns = std::move(ns);
  return query;
}

Result<Endpoint> endpoint_of(const StoredDocument& document) {
  auto endpoint = codec::parse_stored_endpoint(document.data);
  if (!endpoint) {
    return fail(ErrorCode::kCorrupt, named_endpoint(document.key.ns, document.key.name) +
                                         " cannot be read (" + endpoint.error().message +
                                         "); put it anew");
  }
  endpoint->ns = document.key.ns;
  endpoint->name = document.key.name;
  endpoint->revision = to_string(document.revision);
  endpoint->updated_at = document.updated_at;
  return endpoint;
}

Result<Endpoints::Found> Endpoints::find(const std::string& ns, const std::string& name,
                                         TimePoint now) {
  refresh_if_old(now);
  Found known;
  {
    MutexLock lock(mutex_);
    const auto it = all_.find(Key{ns, name});
    const bool there = it != all_.end();
    if (there && !(listing_ && is_long_old(now))) return found_endpoint(it->second, ns, name);
    if (!there && !max_age_ && listed_at_) return no_endpoint(ns, name);
    if (there) known = it->second;
  }
  return known ? look_up(ns, name, known) : read(ns, name);
}

// As it is now, else as it was known. Nothing is kept of it: the list would be overtaken by that.
Result<Endpoints::Found> Endpoints::look_up(const std::string& ns, const std::string& name,
                                            const Found& known) {
  const auto document = store_.get_document(endpoint_key(ns, name));
  if (document) return found_endpoint(endpoint_or_none(*document), ns, name);
  if (document.error().code == ErrorCode::kNotFound) return no_endpoint(ns, name);
  return found_endpoint(known, ns, name);
}

void Endpoints::changed(const std::string& ns, const std::string& name) {
  const auto read_now = read(ns, name);
  if (read_now || read_now.error().code == ErrorCode::kNotFound) return;
  MutexLock lock(mutex_);
  ++version_;
  all_.erase(Key{ns, name});
  unsure_.insert(Key{ns, name});
  listed_at_.reset();
}

std::size_t Endpoints::count(TimePoint now) {
  refresh_if_old(now);
  MutexLock lock(mutex_);
  return all_.size();
}

void Endpoints::refresh_if_old(TimePoint now) {
  if (!begin_refresh(now)) return;
  if (const auto done = refresh(now); !done) {
    log::warn("endpoints cannot be read; trying again", {{"error", done.error().message}});
  }
  MutexLock lock(mutex_);
  listing_ = false;
}

milliseconds Endpoints::age(TimePoint now) const {
  MutexLock lock(mutex_);
  if (!max_age_ || !used_at_ || is_over(*used_at_, kInUseFor, now)) return {};
  return std::max(*used_at_ - *as_of_, milliseconds{});
}

// Whether it is time, and nobody else does it.
bool Endpoints::begin_refresh(TimePoint now) {
  MutexLock lock(mutex_);
  used_at_ = now;
  if (!as_of_) as_of_ = now;
  if (listed_at_ && !(max_age_ && is_over(*listed_at_, *max_age_, now))) return false;
  if (asked_at_ && !is_over(*asked_at_, kListAgainAfter, now)) return false;
  asked_at_ = now;
  listing_ = true;
  return true;
}

// Nobody used it in between: what is in use is listed in time.
bool Endpoints::is_long_old(TimePoint now) const {
  return max_age_ && (!listed_at_ || is_over(*listed_at_, *max_age_ + kListAgainAfter, now));
}

Result<void> Endpoints::refresh(TimePoint now) {
  for (int lists = 0; lists < kListsMax; ++lists) {
    const std::uint64_t before = version();
    auto all = list();
    if (!all) {
      if (all.error().code == ErrorCode::kCorrupt) read_one_by_one();
      return fail(std::move(all.error()));
    }
    MutexLock lock(mutex_);
    if (version_ != before) continue;
    ++version_;
    all_ = std::move(*all);
    unsure_.clear();
    listed_ = true;
    as_of_ = listed_at_ = now;
    return {};
  }
  return fail(ErrorCode::kUnavailable, "endpoints are being changed all the time");
}

Result<Endpoints::All> Endpoints::list() {
  All all;
  DocumentQuery query = endpoint_query();
  query.limit = kListedAtOnce;
  while (true) {
    auto page = store_.list_documents(query);
    if (!page) return fail(std::move(page.error()));
    for (const StoredDocument& document : page->items) {
      all.emplace(Key{document.key.ns, document.key.name}, endpoint_or_none(document));
    }
    if (!page->next) return all;
    query.after = std::move(page->next);
  }
}

// Forgets those that are read when they are looked up. Those that hold their tasks nobody looks up.
void Endpoints::read_one_by_one() {
  std::vector<Key> holding;
  {
    MutexLock lock(mutex_);
    ++version_;
    listed_ = true;
    std::erase_if(all_, [](const auto& one) { return !one.second || !one.second->paused; });
    for (const auto& [key, found] : all_) holding.push_back(key);
    holding.insert(holding.end(), unsure_.begin(), unsure_.end());
  }
  for (const Key& key : holding) read(key.first, key.second);
}

Result<Endpoints::Found> Endpoints::read(const std::string& ns, const std::string& name) {
  while (true) {
    const std::uint64_t before = version();
    const auto document = store_.get_document(endpoint_key(ns, name));
    if (!document && document.error().code != ErrorCode::kNotFound) return fail(document.error());
    const Found found = document ? endpoint_or_none(*document) : nullptr;
    MutexLock lock(mutex_);
    if (version_ != before) continue;
    ++version_;
    unsure_.erase(Key{ns, name});
    if (!document) {
      all_.erase(Key{ns, name});
      return no_endpoint(ns, name);
    }
    all_.insert_or_assign(Key{ns, name}, found);
    return found_endpoint(found, ns, name);
  }
}

std::uint64_t Endpoints::version() const {
  MutexLock lock(mutex_);
  return version_;
}

std::optional<std::vector<model::LimitsOf>> Endpoints::limits() const {
  MutexLock lock(mutex_);
  if (!listed_) return std::nullopt;
  std::vector<model::LimitsOf> limits;
  const auto add = [&](const Key& key, const model::Limits& of) {
    limits.push_back({model::namespace_hash(key.first), model::endpoint_hash(key.second), of});
  };
  for (const auto& [key, found] : all_) {
    if (found && found->paused) add(key, {.paused = true});
  }
  for (const Key& key : unsure_) add(key, {.unknown = true});
  return limits;
}

}  // namespace rhooks::store
