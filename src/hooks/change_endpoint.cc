#include "hooks/change_endpoint.h"

#include <utility>

#include "hooks/change_document.h"

namespace rhooks {

Result<Endpoint> change_endpoint(HooksApi& hooks, const std::string& ns, const std::string& name,
                                 const std::string& if_revision, const EndpointEdit& edit) {
  return change_document(
      if_revision, [&] { return hooks.endpoint(ns, name); }, edit,
      [&](Endpoint edited, const std::string& revision) -> Result<Endpoint> {
        auto put = hooks.put_endpoint(std::move(edited), revision);
        if (!put) return fail(std::move(put.error()));
        return std::move(put->endpoint);
      });
}

}  // namespace rhooks
