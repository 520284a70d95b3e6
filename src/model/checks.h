#pragma once

#include <rhooks/result.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "model/fields.h"

namespace rhooks::model {

// Checks an object by the rules of its rows, in their order. `path`: of the object, with a dot
// behind it, or empty. Errors: kInvalidArgument.
template <HasFields T>
Result<void> check_fields(const T& object, std::string_view path);

// `path`: of the object that has the field.
template <typename F, typename T>
Result<void> check_value(const F& field, const T& value, std::string_view path) {
  if constexpr (kIsOptional<T>) {
    return value ? check_value(field, *value, path) : Result<void>();
  } else if constexpr (HasFields<T>) {
    if (auto ok = check_fields(value, std::string(path).append(field.name) + "."); !ok) return ok;
    return field.rule.check(value);
  } else if constexpr (requires { field.rule.check(value); }) {
    return field.rule.check(value);
  } else {
    if constexpr (std::is_same_v<T, std::string>) {
      if (value.empty() && !field.required) return {};
    }
    if (path.empty()) return field.rule.check(value, field.name);
    return field.rule.check(value, std::string(path).append(field.name));
  }
}

template <HasFields T>
Result<void> check_fields(const T& object, std::string_view path) {
  Result<void> result;
  for_each_field<T>([&]<typename F>(const F& field) {
    if (!result) return;
    if (auto ok = check_value(field, object.*F::kMember, path); !ok) result = std::move(ok);
  });
  return result;
}

}  // namespace rhooks::model
