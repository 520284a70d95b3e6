#pragma once

#include <rhooks/endpoint.h>
#include <rhooks/result.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "model/flow.h"
#include "store/store.h"

namespace rhooks::store {

// Endpoints are documents of one kind, whose data is their JSON.
DocumentKey endpoint_key(const std::string& ns, const std::string& name);
// Of all endpoints, or those of a namespace.
DocumentQuery endpoint_query(std::optional<std::string> ns = std::nullopt);
Error damaged_endpoint(const std::string& ns, const std::string& name);  // kCorrupt
// Errors: kCorrupt.
Result<Endpoint> endpoint_of(const StoredDocument& document);

// All endpoints of a store, as they were lately, in memory. One that cannot be read is in nobody's
// way; it is logged once.
//
// Threads: every method may be called from any thread. Blocking: waits for the store where
// something has to be read.
class Endpoints {
 public:
  using Found = std::shared_ptr<const Endpoint>;

  // `max_age`: others change endpoints as well, and what was read is used for so long. None: only
  // this process does, and says so; each is read once.
  explicit Endpoints(Store& store, std::optional<std::chrono::milliseconds> max_age = std::nullopt)
      : store_(store), max_age_(max_age) {}

  // What is known is used on while the store cannot be read. Errors: kNotFound, field "endpoint";
  // kCorrupt (that one cannot be read); those of the store.
  Result<Found> find(const std::string& ns, const std::string& name, TimePoint now);

  // Whether find() would wait for nothing.
  bool knows(const std::string& ns, const std::string& name, TimePoint now) const;

  // Says that this process put or removed one, and reads it: from the return on find() and limits()
  // have it so, or newer. Errors: it cannot be read, and all are read again when one is used next.
  Result<void> changed(const std::string& ns, const std::string& name);

  // How many there are in all namespaces, as far as is known.
  std::size_t count(TimePoint now);

  // Reads all of them, if it is time; as the others do first. Errors: those of the store, while
  // they were read at no time. One that comes later is logged: what is known is used on.
  Result<void> refresh_if_old(TimePoint now);

  // How old that was by which the latest call went. 0 where nobody else changes endpoints, and
  // where there was no call within a minute.
  std::chrono::milliseconds age(TimePoint now) const;

  // Whether others change endpoints as well.
  bool shared() const { return max_age_.has_value(); }

  // Grows with whatever may change what limits() tells. Waits for nothing.
  std::uint64_t version() const;
  // Of all, as is known now. None: they were not read so far. Waits for nothing.
  std::optional<std::vector<model::LimitsOf>> limits() const;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  using All = std::map<Key, Result<Found>>;         // an error: kCorrupt

  struct Failure {
    TimePoint at{};
    TimePoint logged_at{};  // it, or one before it
    Error why;
  };

  bool knows_all() const RHOOKS_REQUIRES(mutex_);
  bool begin_list(TimePoint now);
  void end_list(TimePoint now, Result<void> done);
  bool is_time(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  bool is_old(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  bool is_long_old(TimePoint now) const RHOOKS_REQUIRES(mutex_);
  Result<void> read_all(TimePoint now);
  Result<All> list();
  Result<Found> read(const std::string& ns, const std::string& name);
  Result<Found> get(const std::string& ns, const std::string& name);
  void keep(const Key& key, const Result<Found>& found) RHOOKS_REQUIRES(mutex_);
  // Whether it cannot be read, and could before, or was not known.
  bool is_newly_damaged(const Key& key, const Result<Found>& found) const RHOOKS_REQUIRES(mutex_);
  void report_newly_damaged(const All& all) const RHOOKS_REQUIRES(mutex_);
  std::uint64_t changes() const;

  Store& store_;
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

}  // namespace rhooks::store
