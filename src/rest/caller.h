#pragma once

#include <rhooks/api_key.h>
#include <rhooks/result.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/api_key.h"

namespace rhooks::rest {

// Who sends a request, and what that one may do. Plain data.
class Caller {
 public:
  // Anyone, where no key is asked for, and the holder of the configured key: they may do
  // everything.
  static Caller anyone() { return Caller(nullptr, true); }
  static Caller owner() { return Caller(nullptr, false); }
  explicit Caller(std::shared_ptr<const ApiKey> key) : Caller(std::move(key), false) {}

  bool needs_no_key() const { return anyone_; }

  Role role() const { return key_ ? key_->role : Role::kAdmin; }
  bool reaches(std::string_view ns) const { return !key_ || model::holds_in(key_->namespaces, ns); }
  bool reaches_all() const { return !key_ || model::holds_everywhere(key_->namespaces); }
  // As a key names them.
  std::vector<std::string> namespaces() const {
    return key_ ? key_->namespaces : std::vector<std::string>{"*"};
  }
  // Null: it may do everything.
  const ApiKey* key() const { return key_.get(); }

 private:
  Caller(std::shared_ptr<const ApiKey> key, bool anyone) : key_(std::move(key)), anyone_(anyone) {}

  std::shared_ptr<const ApiKey> key_;
  bool anyone_;
};

// What a call says of a namespace that its caller does not reach, whether it is there or not.
inline Error no_such_namespace(std::string_view ns) {
  return {ErrorCode::kNotFound,
          "there is no namespace '" + std::string(ns) + "' that the API key is for", "namespace"};
}

}  // namespace rhooks::rest
