#include "store/redrives.h"

#include <utility>

#include "codec/public_json.h"

namespace rhooks::store {
namespace {

constexpr const char* kRedriveKind = "redrive";
// There is one of a namespace.
constexpr const char* kRedriveName = "last";

}  // namespace

DocumentKey redrive_key(const std::string& ns) {
  return {kRedriveKind, ns, kRedriveName};
}

DocumentQuery redrive_query() {
  DocumentQuery query;
  query.kind = kRedriveKind;
  return query;
}

Result<model::StoredRedrive> redrive_of(const StoredDocument& document) {
  auto redrive = codec::parse_stored_redrive(document.data);
  if (!redrive) {
    return fail(ErrorCode::kCorrupt, "the redrive of namespace '" + document.key.ns +
                                         "' cannot be read (" + redrive.error().message +
                                         "); start another");
  }
  redrive->ns = document.key.ns;
  return redrive;
}

Document redrive_document(const model::StoredRedrive& redrive, std::string newer_fields) {
  return {redrive_key(redrive.ns), codec::to_stored_json(redrive), std::move(newer_fields)};
}

}  // namespace rhooks::store
