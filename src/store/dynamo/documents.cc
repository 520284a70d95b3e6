#include "store/dynamo/documents.h"

#include <algorithm>
#include <boost/json.hpp>

#include "codec/stored.h"
#include "store/dynamo/items.h"
#include "store/dynamo/row_reader.h"
#include "store/dynamo/schema.h"
#include "store/dynamo/store_impl.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

constexpr std::size_t kDocumentIdBytesMax = model::kNamespaceBytesMax + 1 + model::kIdBytesMax;

std::string document_id(std::string_view ns, std::string_view name) {
  return std::string(ns).append(1, kNamespaceEnd).append(name);
}

TaskKey item_key(const DocumentKey& key) {
  return {std::string(kDocuments) + key.kind, document_id(key.ns, key.name)};
}

Result<DocumentKey> document_key_of(const Item& item) {
  const TaskKey at = key_of(item);
  const std::size_t end = at.id.find(kNamespaceEnd);
  if (!at.ns.starts_with(kDocuments) || end == std::string::npos) {
    return fail(ErrorCode::kCorrupt, "a stored document lacks its names");
  }
  return DocumentKey{at.ns.substr(kDocuments.size()), at.id.substr(0, end), at.id.substr(end + 1)};
}

Result<StoredDocument> read_document(const DocumentKey& key, const Item& item) {
  const auto bytes = bytes_of(item, "dv");
  if (!bytes) return fail(ErrorCode::kCorrupt, "a stored document lacks its bytes");
  return codec::decode_document(key, *bytes);
}

std::optional<Revision> revision_of(const std::optional<Item>& item) {
  return item ? uuid_of(*item, "rev") : std::nullopt;
}

// A try whose answer was lost may have been applied; what is there now does not tell.
Error maybe_written(const DocumentKey& key) {
  return {
      ErrorCode::kUnknownOutcome,
      key.kind + " '" + key.name +
          "' may have been written or removed by this call: an answer of DynamoDB was lost, and "
          "what is there now does not tell",
      {}};
}

Error never_still(const DocumentKey& key) {
  return {ErrorCode::kUnavailable,
          key.kind + " '" + key.name + "' is being changed by others all the time; try again",
          {}};
}

}  // namespace

Result<std::optional<Item>> Documents::read(const DocumentKey& key) {
  auto answer = answer_of(
      client_.call(
          {Operation::kGetItem,
           {{"TableName", table_}, {"Key", key_item(item_key(key))}, {"ConsistentRead", true}}}),
      table_);
  if (!answer) return fail(std::move(answer.error()));
  const json::value* const item = answer->if_contains("Item");
  if (!item || !item->is_object()) return std::optional<Item>();
  return std::optional(item->get_object());
}

Result<std::optional<Item>> Documents::item_now(const DocumentKey& key, const Reply& refused) {
  const json::value* const item = refused.body.if_contains("Item");
  if (item && item->is_object() && !item->get_object().empty()) {
    return std::optional(item->get_object());
  }
  return read(key);
}

Result<Reply> Documents::send_if(const std::optional<Revision>& seen, Call call) {
  call.body["TableName"] = table_;
  call.body["ConditionExpression"] = seen ? "rev = :seen" : "attribute_not_exists(rev)";
  call.body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD";
  if (seen) call.body["ExpressionAttributeValues"] = {{":seen", uuid_value(*seen)}};
  Result<Reply> reply = client_.call(std::move(call));
  if (reply && reply->condition_failed()) return reply;
  auto answer = answer_of(std::move(reply), table_);
  if (!answer) return fail(std::move(answer.error()));
  return Reply{};
}

// A request that is sent again because its answer was lost must not write over what somebody else
// wrote in between, so that there is always a condition.
Result<void> Documents::put(const StoredDocument& document, const Replaces& replaces) {
  const DocumentKey& key = document.key;
  Item item = key_item(item_key(key));
  item["rev"] = uuid_value(document.revision);
  item["dv"] = bytes_value(codec::encode_document(document));
  const bool whatever = std::holds_alternative<Whatever>(replaces);
  for (int race = 0; race < kRacesMax; ++race) {
    std::optional<Revision> seen;
    if (const auto* const given = std::get_if<Revision>(&replaces)) seen = *given;
    if (whatever) {
      const auto there = read(key);
      if (!there) return fail(there.error());
      seen = revision_of(*there);
    }
    const auto reply = send_if(seen, {Operation::kPutItem, {{"Item", item}}});
    if (!reply) return fail(reply.error());
    if (reply->ok()) return {};
    const auto there = item_now(key, *reply);
    if (!there) return fail(reply->maybe_applied_before ? maybe_written(key) : there.error());
    const auto found = revision_of(*there);
    if (found == document.revision) return {};  // by an earlier try whose answer was lost
    if (reply->maybe_applied_before) return fail(maybe_written(key));
    if (auto refused = why_refused(key, replaces, found)) return fail(std::move(*refused));
  }
  return fail(never_still(key));
}

Result<StoredDocument> Documents::get(const DocumentKey& key) {
  const auto item = read(key);
  if (!item) return fail(item.error());
  if (!*item) return fail(no_document(key));
  return read_document(key, **item);
}

Result<void> Documents::remove(const DocumentKey& key, const std::optional<Revision>& revision) {
  for (int race = 0; race < kRacesMax; ++race) {
    std::optional<Revision> seen = revision;
    if (!revision) {
      const auto there = read(key);
      if (!there) return fail(there.error());
      if (!*there) return fail(no_document(key));
      seen = revision_of(*there);
    }
    const auto reply = send_if(seen, {Operation::kDeleteItem, {{"Key", key_item(item_key(key))}}});
    if (!reply) return fail(reply.error());
    if (reply->ok()) return {};
    const auto there = item_now(key, *reply);
    if (!there) return fail(reply->maybe_applied_before ? maybe_written(key) : there.error());
    if (reply->maybe_applied_before) {
      if (*there) return fail(maybe_written(key));
      return {};  // this call was one that asked for it
    }
    if (!*there) return fail(no_document(key));
    if (!revision) continue;
    if (auto refused = why_refused(key, *revision, revision_of(*there))) {
      return fail(std::move(*refused));
    }
  }
  return fail(never_still(key));
}

Result<DocumentPage> Documents::page(const DocumentQuery& query) {
  if (query.limit == 0) return DocumentPage{};
  std::optional<std::string> after;
  if (query.after) after = document_id(query.after->ns, query.after->name);
  const std::string prefix = query.ns ? document_id(*query.ns, query.name_prefix) : "";
  RowReader reader(client_, {.table = table_,
                             .index = {},
                             .partition_key = "ns",
                             .partition = std::string(kDocuments) + query.kind,
                             .sort_key = "id",
                             .range = keys_with(prefix, kDocumentIdBytesMax),
                             .desc = false,
                             .after = std::move(after),
                             .filter = {},
                             .filter_values = {}});
  DocumentPageBuilder page(query.limit, tuning_.page_bytes_max);
  while (!reader.ended()) {
    const auto rows = reader.next(std::min(page.missing() + 1, tuning_.request_rows_max));
    if (!rows) return fail(rows.error());
    for (const Item& row : *rows) {
      if (page.full()) return page.take(true);
      auto key = document_key_of(row);
      if (!key) return fail(std::move(key.error()));
      auto document = read_document(*key, row);
      if (document) {
        page.add(std::move(*document));
      } else {
        page.add_damaged(std::move(*key));
      }
    }
  }
  return page.take(false);
}

}  // namespace rhooks::store::dynamo
