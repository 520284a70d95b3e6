#include "cli/file_import.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/sha256.h"
#include "cli/app.h"
#include "cli/item_reader.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/signals.h"
#include "codec/public_json.h"
#include "json/space.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

std::string item_name(std::size_t index) {
  return "items[" + std::to_string(index) + "]";
}

// "items[3].url" -> "url": a server counts within its chunk.
std::string within_item(const std::string& field) {
  if (!field.starts_with("items[")) return field;
  const auto end = field.find(']');
  if (end == std::string::npos || end + 1 == field.size()) return {};
  return field.substr(field[end + 1] == '.' ? end + 2 : end + 1);
}

// Without the field in front, which most messages begin with.
std::string without_field(const Error& error) {
  if (error.field.empty() || !error.message.starts_with(error.field + ": ")) return error.message;
  return error.message.substr(error.field.size() + 2);
}

// What is known of a task that was not answered with a registration.
enum class Fate { kRefused, kNotStored, kUnknown };

Fate fate_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kForbidden:
    case ErrorCode::kUnsupported:
      return Fate::kRefused;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
      return Fate::kNotStored;
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return Fate::kUnknown;
  }
  return Fate::kUnknown;
}

// Derives an idempotency key for each task of a file.
class DerivedKeys {
 public:
  explicit DerivedKeys(std::string name) : name_(std::move(name)) {}

  bool wanted() const { return !name_.empty(); }

  std::string next(std::string_view item) {
    const Sha256 content = sha256_of_bytes(without_json_space(item));
    std::uint64_t place = 0;
    std::memcpy(&place, content.data(), sizeof place);
    const std::uint32_t equal_before = seen_[place]++;
    const Sha256 key = sha256({"rhooks file item 1", name_, to_hex(content.data(), content.size()),
                               std::to_string(equal_before)});
    return to_hex(key.data(), key.size());
  }

 private:
  const std::string name_;
  std::unordered_map<std::uint64_t, std::uint32_t> seen_;  // by content
};

class Import {
 public:
  Import(Commands& commands, const FileImport& options, HooksApi& hooks)
      : commands_(commands),
        io_(commands.io()),
        hooks_(hooks),
        ns_(options.ns),
        keys_(options.idempotency_key),
        progress_(io_) {}

  // False: it cannot go on, and why has been printed.
  bool add(const std::string& item) {
    const std::size_t index = read_++;
    auto task = codec::parse_new_task(item, ns_);
    if (!task) {
      fail_item(index, task.error());
      outcomes_.push_back(fail(std::move(task.error())));
    } else {
      if (keys_.wanted() && task->id.empty() && task->idempotency_key.empty()) {
        task->idempotency_key = keys_.next(item);
      }
      repeatable_ = repeatable_ && !(task->id.empty() && task->idempotency_key.empty());
      tasks_.push_back(std::move(*task));
      places_.push_back(outcomes_.size());
      outcomes_.emplace_back();  // filled in once it is sent
      bytes_ += item.size();
    }
    // A request of the API is bounded too.
    return outcomes_.size() < model::kBatchMax && bytes_ < kChunkBytesMax ? true : send();
  }

  bool send() {
    if (outcomes_.empty()) return true;
    const std::size_t first = read_ - outcomes_.size();
    std::optional<Error> failed;
    if (!tasks_.empty()) failed = register_chunk(first);
    // At once: what reads it knows what is stored, whatever becomes of the rest.
    if (commands_.json()) {
      print_json(io_, json_line(codec::to_json(outcomes_)));
      io_.out.flush();
    }
    tried_ = read_;
    outcomes_.clear();
    places_.clear();
    bytes_ = 0;
    progress_.update("registered " + std::to_string(created_));
    if (!failed) return true;
    progress_.finish();
    report(io_, *failed, kExitFailed);
    report(io_,
           (first + 1 == tried_ ? item_name(first)
                                : item_name(first) + " to " + item_name(tried_ - 1)) +
               (fate_of(failed->code) == Fate::kUnknown ? " may be stored, all, some or none"
                                                        : ": nothing of these was stored"),
           kExitFailed);
    return false;
  }

  std::size_t read() const { return read_; }
  // All items were read.
  void at_end() { at_end_ = true; }

  // Says what was stored, and where the rest begins. Returns the exit code.
  int finish() {
    progress_.finish();
    const bool complete = at_end_ && tried_ == read_;
    if (!complete) {
      report(io_, item_name(tried_) + " and what follows was not tried", kExitFailed);
    }
    if (!complete || not_stored_ + unknown_ > 0) report(io_, how_to_repeat(), kExitFailed);
    if (!commands_.json()) {
      io_.out << "registered " << count_of(created_, "task");
      const auto add = [this](std::int64_t count, const char* what) {
        if (count > 0) io_.out << ", " << count << what;
      };
      add(found_, " registered before");
      add(refused_, " refused");
      add(not_stored_, " not stored");
      add(unknown_, " perhaps stored");
      io_.out << '\n';
    }
    io_.out.flush();
    const bool all = refused_ == 0 && not_stored_ == 0 && unknown_ == 0;
    return complete && all ? kExitDone : kExitFailed;
  }

 private:
  static constexpr std::size_t kChunkBytesMax = 8 * 1024 * 1024;
  static constexpr std::int64_t kErrorsShown = 20;

  // The error of the whole call, if any.
  std::optional<Error> register_chunk(std::size_t first) {
    auto results = hooks_.register_many(std::exchange(tasks_, {}));
    for (std::size_t i = 0; i < places_.size(); ++i) {
      auto& outcome = outcomes_[places_[i]];
      if (!results) {
        count(fate_of(results.error().code));
        outcome = fail(results.error());
        continue;
      }
      outcome = std::move((*results)[i]);
      if (outcome) {
        ++(outcome->created ? created_ : found_);
      } else {
        fail_item(first + places_[i], outcome.error());
      }
    }
    if (results) return std::nullopt;
    return std::move(results.error());
  }

  void count(Fate fate) {
    ++(fate == Fate::kRefused ? refused_ : fate == Fate::kNotStored ? not_stored_ : unknown_);
  }

  void fail_item(std::size_t index, const Error& error) {
    const Fate fate = fate_of(error.code);
    count(fate);
    if (++failed_ > kErrorsShown) return;
    progress_.finish();
    const std::string field = within_item(error.field);
    report(io_,
           item_name(index) + (field.empty() ? "" : "." + field) + ": " +
               (fate == Fate::kUnknown ? "may be stored: " : "") + without_field(error),
           kExitFailed);
    if (failed_ == kErrorsShown) report(io_, "further ones are counted only", kExitFailed);
  }

  std::string how_to_repeat() const {
    return keys_.wanted() || repeatable_
               ? "register the whole file again to go on; what is stored already is found by its "
                 "id or idempotency key"
               : "what is stored already would be registered a second time by the same file; "
                 "register the rest only, and use --idempotency-key for imports to repeat";
  }

  Commands& commands_;
  Io& io_;
  HooksApi& hooks_;
  const std::string ns_;
  DerivedKeys keys_;
  Progress progress_;
  std::vector<NewTask> tasks_;
  std::vector<Result<Registration>> outcomes_;  // of the items of this chunk
  std::vector<std::size_t> places_;             // of tasks_, in outcomes_
  std::size_t bytes_ = 0;
  std::size_t read_ = 0;
  std::size_t tried_ = 0;  // the items before this one were sent, or refused
  bool at_end_ = false;
  bool repeatable_ = true;
  std::int64_t created_ = 0, found_ = 0, refused_ = 0, not_stored_ = 0, unknown_ = 0;
  std::int64_t failed_ = 0;
};

// Ends an import at a signal, between two chunks and also while it waits for input. A second
// signal does not wait for the chunk that is under way.
// Threads: what uses the import holds the mutex.
class EndOnSignal {
 public:
  EndOnSignal(Signals& signals, Import& import, Io& io)
      : signals_(signals), watcher_([this, &import, &io] {
          const int signal = signals_.wait();
          if (signal == 0) return;
          signals_.end_on_next({});
          pending_ = true;
          if (!mutex_.try_lock()) {
            io.err << "rhooks: " << name_of_signal(signal)
                   << ": ends once the tasks that were sent are answered; a second signal ends at "
                      "once"
                   << std::endl;
            mutex_.lock();
          }
          MutexLock lock(mutex_, std::adopt_lock);
          if (ended_) return;
          import.finish();
          std::_Exit(exit_code_of_signal(signal));
        }) {}
  ~EndOnSignal() {
    signals_.stop_waiting();
    watcher_.join();
  }
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;

  Mutex& mutex() RHOOKS_RETURN_CAPABILITY(mutex_) { return mutex_; }
  // No more is begun after a signal. Does not return then.
  void check() const RHOOKS_EXCLUDES(mutex_) { pending_.wait(true); }
  // The import says what there is to say, before the mutex is free again.
  void ended() RHOOKS_REQUIRES(mutex_) { ended_ = true; }

 private:
  Signals& signals_;
  std::atomic<bool> pending_{false};
  Mutex mutex_;
  bool ended_ RHOOKS_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

// Reads and registers until the end or an error, which it prints. Returns the exit code.
int run(Import& import, std::istream& in, const std::string& file, Io& io,
        EndOnSignal& end_on_signal) {
  ItemReader reader(in);
  while (true) {
    end_on_signal.check();
    auto item = reader.next();
    MutexLock lock(end_on_signal.mutex());
    const bool at_item = item && *item;
    if (at_item && import.add(**item)) continue;
    end_on_signal.ended();
    if (at_item) return import.finish();
    // What was read before an error is sound, and is registered.
    if (!import.send()) {
      if (item && !in.bad()) import.at_end();
      return import.finish();
    }
    if (!item) {
      report(io, file + ": " + item.error().message, kExitFailed);
      return import.finish();
    }
    if (in.bad()) {
      report(io, file + ": reading failed before the end", kExitFailed);
      return import.finish();
    }
    if (import.read() == 0) {
      return report(io, file + " holds no task; a task is {\"url\":\"http://...\"}", kExitFailed);
    }
    import.at_end();
    return import.finish();
  }
}

}  // namespace

int import_file(Commands& commands, const FileImport& options, std::istream& in) {
  Signals signals;  // before any thread is started
  int exit_code = kExitFailed;
  const auto hooks = commands.hooks(exit_code, true);
  if (!hooks) return exit_code;
  Import import(commands, options, *hooks);
  EndOnSignal end_on_signal(signals, import, commands.io());
  return run(import, in, options.file, commands.io(), end_on_signal);
}

}  // namespace rhooks::cli
