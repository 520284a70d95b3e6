#include "store/rocks/log_filter.h"

#include "codec/stored.h"
#include "store/rocks/keys.h"

namespace rhooks::store::rocks {
namespace {

class LogFilter final : public rocksdb::CompactionFilter {
 public:
  LogFilter(LogFamily family, TimePoint now) : family_(family), now_(now) {}

  const char* Name() const override { return "rhooks.LogFilter"; }

  Decision FilterV2(int /*level*/, const rocksdb::Slice& /*key*/, ValueType type,
                    const rocksdb::Slice& value, std::string* /*new_value*/,
                    std::string* /*skip_until*/) const override {
    if (type != ValueType::kValue) return Decision::kKeep;
    return is_expired(family_, {value.data(), value.size()}, now_) ? Decision::kRemove
                                                                   : Decision::kKeep;
  }

 private:
  const LogFamily family_;
  const TimePoint now_;
};

class LogFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  LogFilterFactory(LogFamily family, std::shared_ptr<const ExpiryPolicy> policy)
      : family_(family), policy_(std::move(policy)) {}

  const char* Name() const override { return "rhooks.LogFilterFactory"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    if (!policy_->enabled) return nullptr;
    return std::make_unique<LogFilter>(family_, policy_->clock->now());
  }

 private:
  const LogFamily family_;
  const std::shared_ptr<const ExpiryPolicy> policy_;
};

}  // namespace

bool is_expired(LogFamily family, std::string_view value, TimePoint now) {
  if (family == LogFamily::kRefs) {
    const auto ref = parse_ref(value);
    return ref && ref->expires_at && *ref->expires_at <= now;
  }
  const auto expiry = codec::log_expiry(value);
  return expiry && *expiry && **expiry <= now;
}

std::shared_ptr<rocksdb::CompactionFilterFactory> make_log_filter(
    LogFamily family, std::shared_ptr<const ExpiryPolicy> policy) {
  return std::make_shared<LogFilterFactory>(family, std::move(policy));
}

}  // namespace rhooks::store::rocks
