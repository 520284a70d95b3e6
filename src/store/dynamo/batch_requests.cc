#include "store/dynamo/batch_requests.h"

#include <algorithm>

#include "store/dynamo/items.h"

namespace rhooks::store::dynamo {
namespace {

namespace json = boost::json;

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
constexpr std::size_t kGetMax = 100;
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
constexpr std::size_t kWriteMax = 25;

// Rounds in which the unprocessed rest is sent again.
constexpr int kRoundsMax = 12;
constexpr std::chrono::milliseconds kWaitBase{25};
constexpr std::chrono::milliseconds kPauseMax{2'000};

// answer[section][table], or null.
const json::value* part_of(const json::object& answer, std::string_view section,
                           std::string_view table) {
  const json::value* const tables = answer.if_contains(section);
  return tables && tables->is_object() ? tables->get_object().if_contains(table) : nullptr;
}

tl::unexpected<Error> refused(const Reply& reply, const std::string& table) {
  return fail(ErrorCode::kUnavailable, "DynamoDB: table '" + table + "': " + reply.error);
}

tl::unexpected<Error> left_over(const std::string& table, int rounds) {
  return fail(ErrorCode::kUnavailable,
              "DynamoDB did not process all items of a batch for table '" + table + "' within " +
                  std::to_string(rounds) + (rounds == 1 ? " try" : " tries") +
                  "; the table is throttled (see its capacity and its hot partitions)");
}

// As many batches as the service takes, and the keys of each.
struct WriteBatches {
  std::vector<Call> calls;
  std::vector<std::vector<TaskKey>> keys;
};

WriteBatches write_batches(const std::string& table, const std::map<TaskKey, json::object>& open,
                           Tries tries) {
  WriteBatches batches;
  for (auto it = open.begin(); it != open.end();) {
    json::array chunk;
    auto& keys = batches.keys.emplace_back();
    for (; it != open.end() && keys.size() < kWriteMax; ++it) {
      chunk.push_back(it->second);
      keys.push_back(it->first);
    }
    json::object request;
    request[table] = std::move(chunk);
    batches.calls.push_back(
        {Operation::kBatchWriteItem, {{"RequestItems", std::move(request)}}, tries});
  }
  return batches;
}

// The keys of what the service left of a batch.
std::vector<TaskKey> unprocessed_keys(const json::object& answer, const std::string& table) {
  std::vector<TaskKey> keys;
  const json::value* const left = part_of(answer, "UnprocessedItems", table);
  if (!left || !left->is_array()) return keys;
  for (const json::value& value : left->get_array()) {
    const json::object* const request = value.if_object();
    if (!request) continue;
    const json::value* key = nullptr;
    if (const auto* put = request->if_contains("PutRequest"); put && put->is_object()) {
      key = put->get_object().if_contains("Item");
    } else if (const auto* gone = request->if_contains("DeleteRequest");
               gone && gone->is_object()) {
      key = gone->get_object().if_contains("Key");
    }
    if (key && key->is_object()) keys.push_back(key_of(key->get_object()));
  }
  return keys;
}

}  // namespace

void BatchRequests::back_off(int tries) {
  const auto most =
      std::min<std::chrono::milliseconds>(kPauseMax, kWaitBase * (1LL << std::min(tries, 10)));
  client_.pause(std::chrono::duration_cast<std::chrono::microseconds>(most * random_.unit()));
}

Result<BatchRequests::Items> BatchRequests::get(const std::string& table,
                                                const std::vector<TaskKey>& keys) {
  Items found;
  std::vector<TaskKey> open = keys;
  std::sort(open.begin(), open.end());
  open.erase(std::unique(open.begin(), open.end()), open.end());
  for (int round = 0; !open.empty(); ++round) {
    if (round == kRoundsMax) return left_over(table, round);
    if (round > 0) back_off(round);
    std::vector<Call> calls;
    for (std::size_t from = 0; from < open.size(); from += kGetMax) {
      json::array chunk;
      for (std::size_t i = from; i < std::min(from + kGetMax, open.size()); ++i) {
        chunk.push_back(key_item(open[i]));
      }
      json::object request;
      request[table] = json::object{{"Keys", std::move(chunk)}, {"ConsistentRead", true}};
      calls.push_back({Operation::kBatchGetItem, {{"RequestItems", std::move(request)}}});
    }
    open.clear();
    for (Result<Reply>& reply : client_.call_all(std::move(calls))) {
      if (!reply) return fail(std::move(reply.error()));
      if (!reply->ok()) return refused(*reply, table);
      if (const json::value* const items = part_of(reply->body, "Responses", table);
          items && items->is_array()) {
        for (const json::value& item : items->get_array()) {
          if (item.is_object())
            found.insert_or_assign(key_of(item.get_object()), item.get_object());
        }
      }
      const json::value* const rest = part_of(reply->body, "UnprocessedKeys", table);
      const json::value* const left =
          rest && rest->is_object() ? rest->get_object().if_contains("Keys") : nullptr;
      if (!left || !left->is_array()) continue;
      for (const json::value& key : left->get_array()) {
        if (key.is_object()) open.push_back(key_of(key.get_object()));
      }
    }
  }
  return found;
}

std::vector<Result<void>> BatchRequests::put(const std::string& table, std::vector<Item> items,
                                             Tries tries) {
  std::vector<TaskKey> keys;
  std::vector<json::object> requests;
  for (Item& item : items) {
    keys.push_back(key_of(item));
    requests.push_back({{"PutRequest", json::object{{"Item", std::move(item)}}}});
  }
  return write(table, keys, std::move(requests), tries);
}

std::vector<Result<void>> BatchRequests::remove(const std::string& table,
                                                const std::vector<TaskKey>& keys, Tries tries) {
  std::vector<json::object> requests;
  for (const TaskKey& key : keys) {
    requests.push_back({{"DeleteRequest", json::object{{"Key", key_item(key)}}}});
  }
  return write(table, keys, std::move(requests), tries);
}

// A batch holds no key twice: of two writes of one key the later is sent, and counts for both.
std::vector<Result<void>> BatchRequests::write(const std::string& table,
                                               const std::vector<TaskKey>& keys,
                                               std::vector<json::object> requests, Tries tries) {
  const int rounds = tries == Tries::kOne ? 1 : kRoundsMax;
  std::map<TaskKey, Result<void>> outcomes;
  std::map<TaskKey, json::object> open;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    open.insert_or_assign(keys[i], std::move(requests[i]));
    outcomes.insert_or_assign(keys[i], Result<void>());
  }
  for (int round = 0; !open.empty(); ++round) {
    if (round == rounds) {
      for (const auto& [key, request] : open) outcomes.at(key) = left_over(table, rounds);
      break;
    }
    if (round > 0) back_off(round);
    auto [calls, chunks] = write_batches(table, open, tries);
    const auto replies = client_.call_all(std::move(calls));
    std::map<TaskKey, json::object> rest;
    for (std::size_t c = 0; c < replies.size(); ++c) {
      const Result<Reply>& reply = replies[c];
      if (!reply || !reply->ok()) {
        const Error error = reply ? refused(*reply, table).value() : reply.error();
        for (const TaskKey& key : chunks[c]) outcomes.at(key) = fail(error);
        continue;
      }
      for (const TaskKey& key : unprocessed_keys(reply->body, table)) {
        if (const auto sent = open.find(key); sent != open.end()) rest.insert(*sent);
      }
    }
    open = std::move(rest);
  }
  std::vector<Result<void>> results;
  results.reserve(keys.size());
  for (const TaskKey& key : keys) results.push_back(outcomes.at(key));
  return results;
}

}  // namespace rhooks::store::dynamo
