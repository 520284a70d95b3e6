#include <rhooks/hooks.h>

#include "base/iso8601.h"
#include "hooks/hooks_impl.h"
#include "hooks/looked.h"
#include "model/new_task.h"
#include "model/redrive.h"
#include "store/redrives.h"

// Redrives: each namespace has one, a document of the store, which the loop of a process carries
// on.
namespace rhooks {
namespace {

// While one runs its document changes a hundred times a second at most.
constexpr int kRedriveTriesMax = 20;

Error no_redrive(const std::string& ns) {
  return {ErrorCode::kNotFound, "there has been no redrive in namespace '" + ns + "'", {}};
}

Error runs_already(const Redrive& redrive) {
  if (redrive.state != RedriveState::kRunning) {
    return {ErrorCode::kConflict,
            "the last tasks of the redrive of namespace '" + redrive.ns +
                "' that was cancelled are being run; try again in a second",
            {}};
  }
  return {ErrorCode::kConflict,
          "a redrive of namespace '" + redrive.ns + "' is under way since " +
              format_time(redrive.started_at) + "; wait for it, or cancel it",
          {}};
}

Error redrive_changes_all_the_time(const std::string& ns) {
  return {ErrorCode::kUnavailable,
          "the redrive of namespace '" + ns + "' is being changed all the time; try again",
          {}};
}

// As it begins at `now`.
Redrive begun(Redrive redrive, TimePoint now) {
  redrive.status.reset();
  redrive.state = RedriveState::kRunning;
  redrive.redriven = redrive.skipped = 0;
  redrive.started_at = now;
  redrive.ended_at.reset();
  return redrive;
}

model::StoredRedrive stored_of(const Redrive& redrive) {
  model::StoredRedrive stored;
  static_cast<Redrive&>(stored) = redrive;
  return stored;
}

// Whether another try may find out, or do it.
bool is_open(const Error& error) {
  return error.code == ErrorCode::kConflict || error.code == ErrorCode::kNotFound ||
         error.code == ErrorCode::kUnknownOutcome;
}

}  // namespace

Result<Redrive> Hooks::start_redrive(Redrive given) {
  if (auto valid = model::validate(given); !valid) return fail(std::move(valid.error()));
  const Redrive redrive = begun(std::move(given), impl_->now());
  const store::DocumentKey key = store::redrive_key(redrive.ns);
  std::optional<Error> unsure;  // of a try that may have been carried out
  const auto give_up = [&](const Error& error) { return fail(unsure.value_or(error)); };
  for (int tries = 0; tries < kRedriveTriesMax; ++tries) {
    const auto found = look(impl_->store(), key);
    if (!found) return give_up(found.error());
    // One that cannot be read is replaced.
    const auto before =
        found->document ? store::redrive_of(*found->document) : fail(no_redrive(redrive.ns));
    if (unsure && before && before->started_at == redrive.started_at) {
      impl_->redrives.changed(redrive.ns);
      return redrive;
    }
    if (before && before->goes_on()) {
      impl_->redrives.look_at(redrive.ns);
      return fail(runs_already(*before));
    }
    const auto put = impl_->store().put_document(
        store::redrive_document(stored_of(redrive), found->newer_fields()), found->replaces(),
        redrive.started_at);
    if (put) {
      impl_->redrives.changed(redrive.ns);
      return redrive;
    }
    if (!is_open(put.error())) return give_up(put.error());
    if (put.error().code == ErrorCode::kUnknownOutcome) unsure = put.error();
  }
  return give_up(redrive_changes_all_the_time(redrive.ns));
}

Result<Redrive> Hooks::redrive(const std::string& ns) {
  if (auto valid = model::validate_namespace(ns); !valid) return fail(std::move(valid.error()));
  const auto found = impl_->store().get_document(store::redrive_key(ns));
  if (!found && found.error().code == ErrorCode::kNotFound) return fail(no_redrive(ns));
  if (!found) return fail(found.error());
  auto redrive = store::redrive_of(*found);
  if (!redrive) return fail(std::move(redrive.error()));
  if (redrive->goes_on()) impl_->redrives.look_at(ns);
  return Redrive(std::move(*redrive));
}

Result<Redrive> Hooks::cancel_redrive(const std::string& ns) {
  if (auto valid = model::validate_namespace(ns); !valid) return fail(std::move(valid.error()));
  for (int tries = 0; tries < kRedriveTriesMax; ++tries) {
    const auto found = impl_->store().get_document(store::redrive_key(ns));
    if (!found && found.error().code == ErrorCode::kNotFound) return fail(no_redrive(ns));
    if (!found) return fail(found.error());
    auto redrive = store::redrive_of(*found);
    if (!redrive) return fail(std::move(redrive.error()));
    if (redrive->state != RedriveState::kRunning) {
      if (redrive->goes_on()) impl_->redrives.changed(ns);
      return Redrive(std::move(*redrive));
    }
    redrive->state = RedriveState::kCancelled;
    redrive->ended_at = impl_->now();
    const auto put =
        impl_->store().put_document(store::redrive_document(*redrive, found->newer_fields),
                                    found->revision, *redrive->ended_at);
    if (put) {
      impl_->redrives.changed(ns);
      return Redrive(std::move(*redrive));
    }
    if (!is_open(put.error())) return fail(put.error());
  }
  return fail(redrive_changes_all_the_time(ns));
}

}  // namespace rhooks
