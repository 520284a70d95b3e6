#pragma once

#include <rhooks/log.h>
#include <rhooks/result.h>

#include <string>
#include <string_view>

#include "model/api_key.h"
#include "model/document.h"
#include "model/record.h"
#include "model/secret.h"

// The bytes that stores keep: fields by number (model/fields.h, stored.cc) in the form of tagged.h.
//
// A task is kept as two values, because they change at different rates:
//   spec   what was registered and never changes (rhooks::Spec), created_at, fingerprint
//   state  what attempts and edits change (rhooks::State), last_token
// The key (namespace, id) is not in the bytes: the store keeps it as its key.
//
// Fields that a newer build added to a spec, a state or a document come back with it and are
// written again.
//
// Readers take any bytes: what is truncated, out of range or followed by more bytes is kCorrupt,
// never a crash or an allocation that the input's size does not bear.
namespace rhooks::codec {

std::string encode_spec(const model::TaskRecord& record);
std::string encode_state(const model::TaskRecord& record);
std::string encode_state(const State& state, const model::LeaseToken& last_token);
Result<model::TaskRecord> decode_record(const TaskKey& key, std::string_view spec,
                                        std::string_view state);
// The state alone, which is replaced; the spec is left as it is. The key is for messages.
Result<void> decode_state(std::string_view state, model::TaskRecord& record);

// A log without its store key fields (namespace, started_at, id), which the key holds.
std::string encode_log(const Log& log);
Result<Log> decode_log(std::string_view ns, TimePoint started_at, std::string_view id,
                       std::string_view bytes);
// A document without its key: revision, updated_at and data.
std::string encode_document(const model::StoredDocument& document);
Result<model::StoredDocument> decode_document(const model::DocumentKey& key,
                                              std::string_view bytes);
// The data of a document that is a secret: what the document has besides (names, revision, time of
// the last change) is not in it.
std::string encode_secret(const model::StoredSecret& secret);
Result<model::StoredSecret> decode_secret(const model::DocumentKey& key, std::string_view data);
// Of one that is an API key, likewise.
std::string encode_api_key(const model::StoredApiKey& key);
Result<model::StoredApiKey> decode_api_key(const model::DocumentKey& document,
                                           std::string_view data);

// Reads only expires_at, from the head of the bytes: for compaction filters.
Result<std::optional<TimePoint>> log_expiry(std::string_view bytes);

}  // namespace rhooks::codec
