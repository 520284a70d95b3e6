#include "hooks/change_endpoint.h"

#include <utility>

namespace rhooks {
namespace {

// More changes in between than these are no chance.
constexpr int kChangeTriesMax = 5;

}  // namespace

Result<Endpoint> change_endpoint(HooksApi& hooks, const std::string& ns, const std::string& name,
                                 const std::string& if_revision, const EndpointEdit& edit) {
  for (int tries = 1;; ++tries) {
    auto read = hooks.endpoint(ns, name);
    if (!read) return read;
    const std::string revision = if_revision.empty() ? read->revision : if_revision;
    auto edited = edit(std::move(*read));
    if (!edited) return edited;
    auto put = hooks.put_endpoint(std::move(*edited), revision);
    if (put) return std::move(put->endpoint);
    const bool overtaken = put.error().code == ErrorCode::kConflict && if_revision.empty();
    if (!overtaken || tries == kChangeTriesMax) return fail(std::move(put.error()));
  }
}

}  // namespace rhooks
