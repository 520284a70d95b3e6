#include "engine/redriver.h"

#include <algorithm>
#include <new>
#include <utility>

#include "observe/logging.h"
#include "store/redrives.h"

namespace rhooks::engine {
namespace {

using model::StoredRedrive;
using std::chrono::milliseconds;

constexpr milliseconds kRedriveTryAgain{1'000};
// Pages of the store that a step looks at for a task: with those of RocksDB and DynamoDB 40,000
// tasks.
constexpr int kRedrivePagesMax = 4;
// Of a page after one without any.
constexpr std::size_t kRedrivePageLimit = 100;
// Ids of a step, as JSON in a document of 64 KiB.
constexpr std::size_t kStepBytesMax = 40 * 1024;

store::TaskQuery query_of(const StoredRedrive& redrive, TimePoint now) {
  store::TaskQuery query;
  query.ns = redrive.ns;
  query.status = Status::kFailed;
  if (!redrive.id.empty()) query.id_prefix = redrive.id;
  if (!redrive.endpoint.empty()) query.endpoint = redrive.endpoint;
  if (!redrive.reason.empty()) query.reason = redrive.reason;
  query.last_status = redrive.last_status;
  query.from = redrive.from;
  query.to = redrive.to;
  query.limit = model::step_max(redrive);
  query.now = now;
  if (redrive.after) {
    query.after = store::TaskPosition{redrive.after->scheduled_date, redrive.after->id};
  }
  return query;
}

StoredRedrive::Position position_of(const Task& task) {
  return {task.scheduled_date, task.key.id};
}

// At most, in quotes, with a comma.
std::size_t bytes_as_json(const std::string& id) {
  return 2 * id.size() + 3;
}

bool may_work_later(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kOverloaded ||
         error.code == ErrorCode::kUnknownOutcome;
}

// The clock may be set back: then it is time.
milliseconds time_left(TimePoint since, milliseconds wait, TimePoint now) {
  if (now < since) return milliseconds{0};
  return std::max(wait - (now - since), milliseconds{0});
}

// False: there was no memory for it.
template <typename Work>
bool has_memory(const Work& work) {
  try {
    work();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void warn_of(const std::string& ns, const Error& error) {
  log::warn("a redrive cannot go on; trying again", {{"namespace", ns}, {"error", error.message}});
}

}  // namespace

Redriver::Redriver(store::Store& store, Metrics& metrics,
                   std::shared_ptr<const schedule::Zones> zones, milliseconds others_have,
                   OnDue on_due)
    : store_(store),
      metrics_(metrics),
      zones_(std::move(zones)),
      others_have_(others_have),
      on_due_(std::move(on_due)) {}

void Redriver::changed(const std::string& ns) {
  InHand& one = in_hand_[ns];
  one.ours = false;
  one.revision = {};
  one.wait = milliseconds{0};
}

void Redriver::forget_all() {
  to_list_ = false;
  in_hand_.clear();
}

std::optional<milliseconds> Redriver::step(TimePoint now) {
  if (to_list_) has_memory([&] { list(now); });
  std::optional<milliseconds> next;
  if (to_list_) next = kRedriveTryAgain;
  for (auto it = in_hand_.begin(); it != in_hand_.end();) {
    InHand& one = it->second;
    const bool is_time = time_left(one.since, one.wait, now).count() == 0;
    if (is_time && !has_memory([&] { go_on(it->first, one, now); })) {
      one.ours = false;  // what is stored says how far it came
      one.wait = kRedriveTryAgain;
    }
    if (one.over) {
      it = in_hand_.erase(it);
      continue;
    }
    const milliseconds left = time_left(one.since, one.wait, now);
    next = std::min(next.value_or(left), left);
    ++it;
  }
  return next;
}

void Redriver::list(TimePoint now) {
  if (not_listed_at_ && time_left(*not_listed_at_, kRedriveTryAgain, now).count() > 0) return;
  not_listed_at_ = now;
  store::DocumentQuery query = store::redrive_query();
  do {
    const auto page = store_.list_documents(query);
    if (!page) {
      log::warn("redrives cannot be listed", {{"error", page.error().message}});
      to_list_ = may_work_later(page.error());
      return;
    }
    for (const store::StoredDocument& document : page->items) {
      const auto redrive = store::redrive_of(document);
      if (redrive && redrive->goes_on()) look_at(document.key.ns);
      if (!redrive) log::error("a redrive is left alone", {{"error", redrive.error().message}});
    }
    // A look at one logs what is wrong with it.
    for (const store::DocumentKey& key : page->damaged) look_at(key.ns);
    query.after = page->next;
  } while (query.after);
  to_list_ = false;
  not_listed_at_.reset();
}

void Redriver::go_on(const std::string& ns, InHand& one, TimePoint now) {
  one.since = now;
  one.wait = milliseconds{0};
  if (!one.ours && !take(ns, one)) return;
  if (one.redrive.step || begin_step(one, now)) carry_out(one, now);
}

// Reads it. False: it is over, or another process goes on with it, as far as is known.
bool Redriver::take(const std::string& ns, InHand& one) {
  auto document = store_.get_document(store::redrive_key(ns));
  auto redrive = document ? store::redrive_of(*document)
                          : Result<StoredRedrive>(fail(std::move(document.error())));
  if (!redrive && may_work_later(redrive.error())) {
    warn_of(ns, redrive.error());
    one.wait = kRedriveTryAgain;
    return false;
  }
  one.over = !redrive || !redrive->goes_on();
  if (!redrive && redrive.error().code != ErrorCode::kNotFound) {
    log::error("a redrive is left alone", {{"error", redrive.error().message}});
  }
  if (one.over) return false;
  const bool known = document->revision == one.revision || document->data == one.written;
  one.redrive = std::move(*redrive);
  one.revision = document->revision;
  one.newer_fields = std::move(document->newer_fields);
  const bool in_work = one.redrive.step && one.redrive.state == RedriveState::kRunning;
  one.ours = known || !in_work || others_have_.count() == 0;
  if (!one.ours) one.wait = others_have_;
  return one.ours;
}

// False: there is none, or it is not known to be stored.
bool Redriver::begin_step(InHand& one, TimePoint now) {
  StoredRedrive& redrive = one.redrive;
  auto next = next_tasks(redrive, now);
  if (!next) {
    warn_of(redrive.ns, next.error());
    one.wait = kRedriveTryAgain;
    return false;
  }
  redrive.after = std::move(next->after);
  if (!next->ids.empty()) {
    redrive.step = StoredRedrive::Step{now, std::move(next->ids)};
    return write(one, now);
  }
  if (next->more) return false;  // and goes on at once
  redrive.state = RedriveState::kDone;
  redrive.ended_at = now;
  one.over = write(one, now);
  return false;
}

Result<Redriver::Next> Redriver::next_tasks(const StoredRedrive& redrive, TimePoint now) {
  store::TaskQuery query = query_of(redrive, now);
  Next next;
  next.after = redrive.after;
  const std::size_t most = query.limit;
  next.more = most > 0;
  std::size_t bytes = 0;
  for (int pages = 0; pages < kRedrivePagesMax && next.ids.empty() && next.more; ++pages) {
    const auto page = store_.query_tasks(query);
    if (!page) return fail(page.error());
    for (const Task& task : page->items) {
      if (!model::takes(redrive, task)) continue;
      bytes += bytes_as_json(task.key.id);
      if (next.ids.size() == most || (bytes > kStepBytesMax && !next.ids.empty())) return next;
      // It has not moved since the redrive began; a page may show others at a former place.
      next.after = position_of(task);
      next.ids.push_back(task.key.id);
    }
    query.after = page->next;
    query.limit = kRedrivePageLimit;
    next.more = page->next.has_value();
    if (page->next) {
      next.after = StoredRedrive::Position{page->next->scheduled_date, page->next->id};
    }
  }
  return next;
}

// What was changed since it was found, by this step before a crash or by hand, runs again already.
void Redriver::carry_out(InHand& one, TimePoint now) {
  StoredRedrive& redrive = one.redrive;
  const StoredRedrive::Step& these = *redrive.step;
  std::vector<TaskKey> keys;
  for (const std::string& id : these.ids) keys.push_back({redrive.ns, id});
  const auto run_again = [&](Task task) -> Result<Task> {
    const auto times = schedule::timetable_of(task, *zones_);
    if (!times) return fail(times.error());
    return model::redriven(std::move(task), redrive, these, times->get());
  };
  const auto changed = store_.change(keys, run_again, now);

  std::int64_t run = 0;
  std::int64_t gone = 0;
  const Error* trouble = nullptr;
  for (const Result<Task>& task : changed) {
    if (task) {
      ++run;
    } else if (may_work_later(task.error())) {
      trouble = &task.error();
    } else if (task.error().code != ErrorCode::kConflict) {
      ++gone;
    }
  }
  metrics_.redriven(run);
  if (run > 0) on_due_(model::due_of(these, redrive));
  if (trouble != nullptr) {
    warn_of(redrive.ns, *trouble);
    one.wait = kRedriveTryAgain;
    return;
  }
  redrive.skipped += gone;
  redrive.redriven += static_cast<std::int64_t>(keys.size()) - gone;
  const milliseconds length = model::length_of(these, redrive.rate);
  one.wait = these.at <= now ? time_left(these.at, length, now) : length;
  redrive.step.reset();
  if (redrive.state != RedriveState::kRunning) one.over = write(one, now);
}

// False: it is to be read again, to see what was stored.
bool Redriver::write(InHand& one, TimePoint now) {
  const auto document = store::redrive_document(one.redrive, one.newer_fields);
  one.written = document.data;
  const auto put = store_.put_document(document, one.revision, now);
  if (put) {
    one.revision = *put;
    return true;
  }
  one.ours = false;
  const bool overtaken =
      put.error().code == ErrorCode::kConflict || put.error().code == ErrorCode::kNotFound;
  if (!overtaken) {
    warn_of(one.redrive.ns, put.error());
    one.wait = kRedriveTryAgain;
  }
  return false;
}

}  // namespace rhooks::engine
