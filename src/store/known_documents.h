#pragma once

#include <rhooks/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace rhooks::store {

// What messages call the documents of a kind.
struct KindWords {
  const char* kind;      // "endpoint", as their keys have it
  const char* a_kind;    // "an endpoint"
  const char* kinds;     // "endpoints"
  const char* damaged;   // what follows where one cannot be read
  const char* unlisted;  // and where none could be read so far
};

// All documents of a kind, as they were lately, in memory: read once where only this process
// changes them, else again where what is known is old. KnownDocuments gives them their type. One
// that cannot be read is in nobody's way; it is logged once.
//
// Threads: every method may be called from any thread. Blocking: waits for the store where
// something has to be read.
class DocumentCache {
 public:
  // What was made of the data of one.
  using Made = std::shared_ptr<const void>;
  // Errors: kCorrupt.
  using Make = std::function<Result<Made>(const StoredDocument&)>;

  // `max_age`: others change them as well, and what was read is used for so long. None: only this
  // process does, and says so; each is read once.
  DocumentCache(Store& store, const KindWords& words, Make make,
                std::optional<std::chrono::milliseconds> max_age);

  // Whether find() would wait for nothing.
  bool knows(const std::string& ns, const std::string& name, TimePoint now) const;

  // Says that this process put or removed one, and reads it: from the return on all go by it, or
  // by a newer one. Errors: it cannot be read, and all are read again when one is used next.
  Result<void> changed(const std::string& ns, const std::string& name);

  // How many there are in all namespaces, as far as is known.
  std::size_t count(TimePoint now);

  // Reads all of them, if it is time; as the others do first. Errors: those of the store, while
  // they were read at no time. One that comes later is logged: what is known is used on.
  Result<void> refresh_if_old(TimePoint now);

  // How old that was by which the latest call went. 0 where nobody else changes them, and where
  // there was no call within a minute.
  std::chrono::milliseconds age(TimePoint now) const;

  // Whether anything was asked for so far.
  bool in_use() const;

  // Whether others change them as well.
  bool shared() const { return max_age_.has_value(); }
  std::optional<std::chrono::milliseconds> max_age() const { return max_age_; }

  // Whether refresh_if_old() would wait for nothing, and they were read at some time.
  bool is_up_to_date(TimePoint now) const;
  // How many there are, as is known now. Waits for nothing.
  std::size_t known_count() const;

  // Grows with whatever may change what is known. Waits for nothing.
  std::uint64_t version() const;

 protected:
  // What is known is used on while the store cannot be read. Errors: kNotFound, the kind as field;
  // kCorrupt (that one cannot be read); those of the store.
  Result<Made> find(const std::string& ns, const std::string& name, TimePoint now);
  // As is known now. None: they were not read so far. Waits for nothing.
  std::optional<Result<Made>> known(const std::string& ns, const std::string& name) const;
  // The same for those who do not ask why: null where it is not there, or cannot be read.
  std::optional<Made> known_or_null(const std::string& ns, const std::string& name) const;
  // Calls visit(namespace, name, one) for each, as is known now; it must not call this object.
  // False: they were not read so far. Waits for nothing.
  using Visit =
      std::function<void(const std::string& ns, const std::string& name, const Result<Made>& one)>;
  bool for_each_known(const Visit& visit) const;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  struct Known {
    std::optional<Revision> revision;  // none: its bytes cannot be read
    Result<Made> made;                 // an error: kCorrupt
  };
  using All = std::map<Key, Known>;

  struct Failure {
    TimePoint at{};
    TimePoint logged_at{};  // it, or one before it
    Error why;
  };

  DocumentKey key_of(const std::string& ns, const std::string& name) const;
  tl::unexpected<Error> is_missing(const std::string& ns, const std::string& name) const;
  Error changed_all_the_time() const;
  bool knows_all() const RHOOKS_REQUIRES(mutex_);
  bool begin_list(TimePoint now);
  void end_list(TimePoint now, Result<void> done);
  bool is_time(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  bool is_old(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  bool is_long_old(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  Result<void> read_all(TimePoint now);
  Result<All> list();
  Result<Made> read(const std::string& ns, const std::string& name);
  Result<Known> get(const std::string& ns, const std::string& name);
  Known make_known(const StoredDocument& document) const;
  Known damaged(const DocumentKey& key) const;
  void keep(const Key& key, const Result<Known>& found) RHOOKS_REQUIRES(mutex_);
  // Whether it cannot be read, and could before, or was not known.
  bool is_newly_damaged(const Key& key, const Known& found) const RHOOKS_REQUIRES(mutex_);
  void report_newly_damaged(const All& all) const RHOOKS_REQUIRES(mutex_);
  void report_damaged(const Error& error) const;
  std::uint64_t changes() const;

  Store& store_;
  const KindWords words_;
  const Make make_;
  const std::optional<std::chrono::milliseconds> max_age_;

  mutable Mutex mutex_;
  All all_ RHOOKS_GUARDED_BY(mutex_);
  std::uint64_t version_ RHOOKS_GUARDED_BY(mutex_) = 0;  // of `all_`
  // That this process made. What the store was asked for before one may be older, and is not kept.
  std::uint64_t changes_ RHOOKS_GUARDED_BY(mutex_) = 0;
  bool listed_ RHOOKS_GUARDED_BY(mutex_) = false;   // at some time
  bool to_list_ RHOOKS_GUARDED_BY(mutex_) = false;  // a change could not be read
  // Of the latest list; before there was one, of the first call.
  std::optional<TimePoint> as_of_ RHOOKS_GUARDED_BY(mutex_);
  std::optional<Failure> failure_ RHOOKS_GUARDED_BY(mutex_);    // of a list, since the last one
  std::optional<TimePoint> used_at_ RHOOKS_GUARDED_BY(mutex_);  // by the latest call
  int lists_under_way_ RHOOKS_GUARDED_BY(mutex_) = 0;
};

// Those whose data is made a T.
template <typename T>
class KnownDocuments : public DocumentCache {
 public:
  using Found = std::shared_ptr<const T>;

  // `make`: Result<T>(const StoredDocument&), whose errors are kCorrupt.
  template <typename MakeT>
  KnownDocuments(Store& store, const KindWords& words, MakeT make,
                 std::optional<std::chrono::milliseconds> max_age)
      : DocumentCache(
            store, words,
            [make = std::move(make)](const StoredDocument& document) -> Result<Made> {
              auto made = make(document);
              if (!made) return fail(std::move(made.error()));
              return std::make_shared<const T>(std::move(*made));
            },
            max_age) {}

  // What is known is used on while the store cannot be read. Errors: kNotFound, the kind as field;
  // kCorrupt (that one cannot be read); those of the store.
  Result<Found> find(const std::string& ns, const std::string& name, TimePoint now) {
    return typed(DocumentCache::find(ns, name, now));
  }

  // As is known now. None: they were not read so far. Waits for nothing.
  std::optional<Result<Found>> known(const std::string& ns, const std::string& name) const {
    const auto one = DocumentCache::known(ns, name);
    return one ? std::optional(typed(*one)) : std::nullopt;
  }

 protected:
  static Result<Found> typed(const Result<Made>& made) {
    if (!made) return fail(made.error());
    return std::static_pointer_cast<const T>(*made);
  }
};

}  // namespace rhooks::store
