#include "store/known_documents.h"

#include <algorithm>
#include <new>

#include "observe/logging.h"

namespace rhooks::store {
namespace {

using std::chrono::milliseconds;

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

// Also where the clock was set back since.
bool is_over(TimePoint since, milliseconds age, TimePoint now) {
  return now < since || now - since >= age;
}

}  // namespace

DocumentCache::DocumentCache(Store& store, const KindWords& words, Make make,
                             std::optional<milliseconds> max_age)
    : store_(store), words_(words), make_(std::move(make)), max_age_(max_age) {}

DocumentKey DocumentCache::key_of(const std::string& ns, const std::string& name) const {
  return {words_.kind, ns, name};
}

tl::unexpected<Error> DocumentCache::is_missing(const std::string& ns,
                                                const std::string& name) const {
  return fail(ErrorCode::kNotFound,
              "there is no " + named_document(key_of(ns, name)) + "; put it first", words_.kind);
}

Error DocumentCache::changed_all_the_time() const {
  return {ErrorCode::kUnavailable,
          std::string(words_.kinds) + " are being changed all the time; try again",
          {}};
}

Result<DocumentCache::Made> DocumentCache::find(const std::string& ns, const std::string& name,
                                                TimePoint now) {
  refresh_if_old(now);
  {
    MutexLock lock(mutex_);
    if (const auto it = all_.find(Key{ns, name}); it != all_.end()) return it->second.made;
    if (knows_all()) return is_missing(ns, name);
  }
  return read(ns, name);
}

std::optional<Result<DocumentCache::Made>> DocumentCache::known(const std::string& ns,
                                                                const std::string& name) const {
  MutexLock lock(mutex_);
  if (const auto it = all_.find(Key{ns, name}); it != all_.end()) return it->second.made;
  if (!listed_) return std::nullopt;
  return is_missing(ns, name);
}

std::optional<DocumentCache::Made> DocumentCache::known_or_null(const std::string& ns,
                                                                const std::string& name) const {
  MutexLock lock(mutex_);
  if (!listed_) return std::nullopt;
  const auto it = all_.find(Key{ns, name});
  return it != all_.end() && it->second.made ? *it->second.made : nullptr;
}

bool DocumentCache::is_up_to_date(TimePoint now) const {
  MutexLock lock(mutex_);
  return listed_ && !is_time(now);
}

std::size_t DocumentCache::known_count() const {
  MutexLock lock(mutex_);
  return all_.size();
}

bool DocumentCache::for_each_known(const Visit& visit) const {
  MutexLock lock(mutex_);
  if (!listed_) return false;
  for (const auto& [key, one] : all_) visit(key.first, key.second, one.made);
  return true;
}

bool DocumentCache::knows(const std::string& ns, const std::string& name, TimePoint now) const {
  MutexLock lock(mutex_);
  return !is_time(now) && (knows_all() || all_.contains(Key{ns, name}));
}

bool DocumentCache::knows_all() const {
  return !max_age_ && listed_ && !to_list_;
}

Result<void> DocumentCache::changed(const std::string& ns, const std::string& name) {
  {
    MutexLock lock(mutex_);
    ++changes_;
  }
  Error why = changed_all_the_time();
  for (int tries = 0; tries < kOvertakenMax; ++tries) {
    const std::uint64_t before = changes();
    const auto found = get(ns, name);
    if (!found && found.error().code != ErrorCode::kNotFound) {
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

std::size_t DocumentCache::count(TimePoint now) {
  refresh_if_old(now);
  MutexLock lock(mutex_);
  return all_.size();
}

Result<void> DocumentCache::refresh_if_old(TimePoint now) {
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
  return fail(failure_->why.code,
              std::string(words_.kinds) + " cannot be read: " + failure_->why.message);
}

milliseconds DocumentCache::age(TimePoint now) const {
  MutexLock lock(mutex_);
  if (!max_age_ || !used_at_ || is_over(*used_at_, kInUseFor, now)) return {};
  return std::max(*used_at_ - *as_of_, milliseconds{});
}

bool DocumentCache::begin_list(TimePoint now) {
  MutexLock lock(mutex_);
  used_at_ = now;
  if (!as_of_) as_of_ = now;
  if (!is_time(now)) return false;
  ++lists_under_way_;
  return true;
}

void DocumentCache::end_list(TimePoint now, Result<void> done) {
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
    log::warn(std::string(words_.kinds) + " cannot be read again; going on by what is known",
              {{"error", failure_->why.message}});
  } else {
    log::error(std::string(words_.kinds) + " cannot be read; " + words_.unlisted,
               {{"error", failure_->why.message}});
  }
}

// Who comes while somebody lists all goes by what is known.
bool DocumentCache::is_time(TimePoint now) const {
  if (!is_old(now)) return false;
  if (failure_ && !is_over(failure_->at, kListAgainAfter, now)) return false;
  return lists_under_way_ == 0 || is_long_old(now);
}

bool DocumentCache::is_old(TimePoint now) const {
  return !listed_ || to_list_ || (max_age_ && is_over(*as_of_, *max_age_, now));
}

// Nobody used it in between: what is in use is listed in time.
bool DocumentCache::is_long_old(TimePoint now) const {
  return listed_ && max_age_ && is_over(*as_of_, *max_age_ + kListAgainAfter, now);
}

Result<void> DocumentCache::read_all(TimePoint now) {
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

// What was made of a revision is made of it once.
Result<DocumentCache::All> DocumentCache::list() {
  All before;
  {
    MutexLock lock(mutex_);
    before = all_;
  }
  All all;
  DocumentQuery query;
  query.kind = words_.kind;
  query.limit = kListedAtOnce;
  while (true) {
    auto page = store_.list_documents(query);
    if (!page) return fail(std::move(page.error()));
    for (const StoredDocument& document : page->items) {
      Key key{document.key.ns, document.key.name};
      const auto was = before.find(key);
      const bool same = was != before.end() && was->second.revision == document.revision;
      all.emplace(std::move(key), same ? was->second : make_known(document));
    }
    for (const DocumentKey& key : page->damaged) all.emplace(Key{key.ns, key.name}, damaged(key));
    if (!page->next) return all;
    query.after = std::move(page->next);
  }
}

Result<DocumentCache::Made> DocumentCache::read(const std::string& ns, const std::string& name) {
  const std::uint64_t before = changes();
  auto found = get(ns, name);
  if (!found && found.error().code != ErrorCode::kNotFound) return fail(std::move(found.error()));
  MutexLock lock(mutex_);
  if (changes_ == before) keep(Key{ns, name}, found);
  if (!found) return fail(std::move(found.error()));
  return std::move(found->made);
}

// Errors: kNotFound, and those of the store.
Result<DocumentCache::Known> DocumentCache::get(const std::string& ns, const std::string& name) {
  const DocumentKey key = key_of(ns, name);
  const auto document = store_.get_document(key);
  if (document) return make_known(*document);
  if (document.error().code == ErrorCode::kNotFound) return is_missing(ns, name);
  if (document.error().code == ErrorCode::kCorrupt) return damaged(key);
  return fail(document.error());
}

DocumentCache::Known DocumentCache::make_known(const StoredDocument& document) const {
  return {document.revision, make_(document)};
}

DocumentCache::Known DocumentCache::damaged(const DocumentKey& key) const {
  return {std::nullopt, fail(damaged_document(key))};
}

// `found`: an answer of the store.
void DocumentCache::keep(const Key& key, const Result<Known>& found) {
  if (!found) {
    if (all_.erase(key) == 0) return;
  } else {
    if (is_newly_damaged(key, *found)) report_damaged(found->made.error());
    all_.insert_or_assign(key, *found);
  }
  ++version_;
}

bool DocumentCache::is_newly_damaged(const Key& key, const Known& found) const {
  if (found.made) return false;
  const auto before = all_.find(key);
  return before == all_.end() || before->second.made;
}

void DocumentCache::report_newly_damaged(const All& all) const {
  int left = kReportedAtOnce;
  for (const auto& [key, found] : all) {
    if (left == 0) return;
    if (!is_newly_damaged(key, found)) continue;
    report_damaged(found.made.error());
    --left;
  }
}

void DocumentCache::report_damaged(const Error& error) const {
  log::error(std::string(words_.a_kind) + " cannot be read; " + words_.damaged,
             {{"error", error.message}});
}

std::uint64_t DocumentCache::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

bool DocumentCache::in_use() const {
  MutexLock lock(mutex_);
  return used_at_.has_value();
}

std::uint64_t DocumentCache::version() const {
  MutexLock lock(mutex_);
  return version_;
}

}  // namespace rhooks::store
