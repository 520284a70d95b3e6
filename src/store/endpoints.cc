#include "store/endpoints.h"

#include <algorithm>
#include <new>

#include "codec/public_json.h"
#include "model/endpoint.h"
#include "observe/logging.h"

namespace rhooks::store {
namespace {

using std::chrono::milliseconds;

constexpr const char* kEndpointKind = "endpoint";
constexpr std::size_t kListedAtOnce = 1000;
// Answers that changes overtake before another one is given up.
constexpr int kOvertakenMax = 5;
// Of those that one list finds damaged: what damages one of them may damage all.
constexpr int kReportedAtOnce = 10;
// A list that failed.
constexpr milliseconds kListAgainAfter{1'000};
// The next one that fails, where it was logged before.
constexpr milliseconds kLogAgainAfter{10'000};
// After the latest call.
constexpr milliseconds kInUseFor{60'000};

std::string named_endpoint(const std::string& ns, const std::string& name) {
  return "endpoint '" + name + "' in namespace '" + ns + "'";
}

// Also where the clock was set back since.
bool is_over(TimePoint since, milliseconds age, TimePoint now) {
  return now < since || now - since >= age;
}

Result<Endpoints::Found> found_endpoint(const StoredDocument& document) {
  auto endpoint = endpoint_of(document);
  if (!endpoint) return fail(std::move(endpoint.error()));
  return std::make_shared<const Endpoint>(std::move(*endpoint));
}

// Whether it tells what the store has.
bool is_answer(const Result<Endpoints::Found>& found) {
  return found || found.error().code == ErrorCode::kNotFound ||
         found.error().code == ErrorCode::kCorrupt;
}

void report_damaged(const Error& error) {
  log::error("an endpoint cannot be read; its tasks wait", {{"error", error.message}});
}

tl::unexpected<Error> no_endpoint(const std::string& ns, const std::string& name) {
  return fail(ErrorCode::kNotFound,
              "there is no endpoint '" + name + "' in namespace '" + ns + "'; put it first",
              "endpoint");
}

Error changed_all_the_time() {
  return {ErrorCode::kUnavailable, "endpoints are being changed all the time; try again", {}};
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

Error damaged_endpoint(const std::string& ns, const std::string& name) {
  return {ErrorCode::kCorrupt, named_endpoint(ns, name) + " cannot be read; put it anew", {}};
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
  {
    MutexLock lock(mutex_);
    if (const auto it = all_.find(Key{ns, name}); it != all_.end()) return it->second;
    if (knows_all()) return no_endpoint(ns, name);
  }
  return read(ns, name);
}

bool Endpoints::knows(const std::string& ns, const std::string& name, TimePoint now) const {
  MutexLock lock(mutex_);
  return !is_time(now) && (knows_all() || all_.contains(Key{ns, name}));
}

bool Endpoints::knows_all() const {
  return !max_age_ && listed_ && !to_list_;
}

Result<void> Endpoints::changed(const std::string& ns, const std::string& name) {
  {
    MutexLock lock(mutex_);
    ++changes_;
  }
  Error why = changed_all_the_time();
  for (int tries = 0; tries < kOvertakenMax; ++tries) {
    const std::uint64_t before = changes();
    const auto found = get(ns, name);
    if (!is_answer(found)) {
      why = found.error();
      break;
    }
    MutexLock lock(mutex_);
    if (changes_ != before) continue;
    keep(Key{ns, name}, found);
    return {};
  }
  MutexLock lock(mutex_);
  to_list_ = true;
  return fail(std::move(why));
}

std::size_t Endpoints::count(TimePoint now) {
  refresh_if_old(now);
  MutexLock lock(mutex_);
  return all_.size();
}

Result<void> Endpoints::refresh_if_old(TimePoint now) {
  if (begin_list(now)) {
    Result<void> done;
    try {
      done = read_all(now);
    } catch (const std::bad_alloc&) {  // as where the store has none
      done = Result<void>(fail(ErrorCode::kOverloaded, "out of memory"));
    }
    end_list(now, std::move(done));
  }
  MutexLock lock(mutex_);
  if (listed_ || !failure_) return {};
  return fail(failure_->why.code, "endpoints cannot be read: " + failure_->why.message);
}

milliseconds Endpoints::age(TimePoint now) const {
  MutexLock lock(mutex_);
  if (!max_age_ || !used_at_ || is_over(*used_at_, kInUseFor, now)) return {};
  return std::max(*used_at_ - *as_of_, milliseconds{});
}

bool Endpoints::begin_list(TimePoint now) {
  MutexLock lock(mutex_);
  used_at_ = now;
  if (!as_of_) as_of_ = now;
  if (!is_time(now)) return false;
  ++lists_under_way_;
  return true;
}

void Endpoints::end_list(TimePoint now, Result<void> done) {
  MutexLock lock(mutex_);
  --lists_under_way_;
  if (done) {
    failure_.reset();
    return;
  }
  const bool logged = failure_ && !is_over(failure_->logged_at, kLogAgainAfter, now);
  failure_ = Failure{now, logged ? failure_->logged_at : now, std::move(done.error())};
  if (logged) return;
  if (listed_) {
    log::warn("endpoints cannot be read again; going on by what is known",
              {{"error", failure_->why.message}});
  } else {
    log::error("endpoints cannot be read; tasks that name one wait",
               {{"error", failure_->why.message}});
  }
}

// Who comes while somebody lists all goes by what is known.
bool Endpoints::is_time(TimePoint now) const {
  if (!is_old(now)) return false;
  if (failure_ && !is_over(failure_->at, kListAgainAfter, now)) return false;
  return lists_under_way_ == 0 || is_long_old(now);
}

bool Endpoints::is_old(TimePoint now) const {
  return !listed_ || to_list_ || (max_age_ && is_over(*as_of_, *max_age_, now));
}

// Nobody used it in between: what is in use is listed in time.
bool Endpoints::is_long_old(TimePoint now) const {
  return listed_ && max_age_ && is_over(*as_of_, *max_age_ + kListAgainAfter, now);
}

Result<void> Endpoints::read_all(TimePoint now) {
  for (int tries = 0; tries < kOvertakenMax; ++tries) {
    const std::uint64_t before = changes();
    auto all = list();
    if (!all) return fail(std::move(all.error()));
    MutexLock lock(mutex_);
    if (changes_ != before) continue;
    report_newly_damaged(*all);
    ++version_;
    all_ = std::move(*all);
    listed_ = true;
    to_list_ = false;
    as_of_ = now;
    return {};
  }
  return fail(changed_all_the_time());
}

Result<Endpoints::All> Endpoints::list() {
  All all;
  DocumentQuery query = endpoint_query();
  query.limit = kListedAtOnce;
  while (true) {
    auto page = store_.list_documents(query);
    if (!page) return fail(std::move(page.error()));
    for (const StoredDocument& document : page->items) {
      all.emplace(Key{document.key.ns, document.key.name}, found_endpoint(document));
    }
    for (const DocumentKey& key : page->damaged) {
      all.emplace(Key{key.ns, key.name}, fail(damaged_endpoint(key.ns, key.name)));
    }
    if (!page->next) return all;
    query.after = std::move(page->next);
  }
}

Result<Endpoints::Found> Endpoints::read(const std::string& ns, const std::string& name) {
  const std::uint64_t before = changes();
  auto found = get(ns, name);
  if (!is_answer(found)) return found;
  MutexLock lock(mutex_);
  if (changes_ == before) keep(Key{ns, name}, found);
  return found;
}

Result<Endpoints::Found> Endpoints::get(const std::string& ns, const std::string& name) {
  const auto document = store_.get_document(endpoint_key(ns, name));
  if (document) return found_endpoint(*document);
  if (document.error().code == ErrorCode::kNotFound) return no_endpoint(ns, name);
  if (document.error().code == ErrorCode::kCorrupt) return fail(damaged_endpoint(ns, name));
  return fail(document.error());
}

// `found`: an answer of the store.
void Endpoints::keep(const Key& key, const Result<Found>& found) {
  if (!found && found.error().code == ErrorCode::kNotFound) {
    if (all_.erase(key) == 0) return;
  } else {
    if (is_newly_damaged(key, found)) report_damaged(found.error());
    all_.insert_or_assign(key, found);
  }
  ++version_;
}

bool Endpoints::is_newly_damaged(const Key& key, const Result<Found>& found) const {
  if (found) return false;
  const auto before = all_.find(key);
  return before == all_.end() || before->second;
}

void Endpoints::report_newly_damaged(const All& all) const {
  int left = kReportedAtOnce;
  for (const auto& [key, found] : all) {
    if (left == 0) return;
    if (!is_newly_damaged(key, found)) continue;
    report_damaged(found.error());
    --left;
  }
}

std::uint64_t Endpoints::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

std::uint64_t Endpoints::version() const {
  MutexLock lock(mutex_);
  return version_;
}

std::optional<std::vector<model::LimitsOf>> Endpoints::limits() const {
  MutexLock lock(mutex_);
  if (!listed_) return std::nullopt;
  std::vector<model::LimitsOf> limits;
  limits.reserve(all_.size());
  for (const auto& [key, found] : all_) {
    limits.push_back({model::namespace_hash(key.first), model::endpoint_hash(key.second),
                      found ? model::limits_of(**found) : model::Limits{.unknown = true}});
  }
  return limits;
}

}  // namespace rhooks::store
