#include "testing/dynamo_lag.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kBatchItemsMax = 25;

json::object create_request(const json::object& described, const std::string& name) {
  json::object request{{"TableName", name},
                       {"BillingMode", "PAY_PER_REQUEST"},
                       {"AttributeDefinitions", described.at("AttributeDefinitions")},
                       {"KeySchema", described.at("KeySchema")}};
  const json::value* indexes = described.if_contains("GlobalSecondaryIndexes");
  if (!indexes) return request;
  json::array wanted;
  for (const json::value& index : indexes->as_array()) {
    wanted.push_back(json::object{{"IndexName", index.at("IndexName")},
                                  {"KeySchema", index.at("KeySchema")},
                                  {"Projection", index.at("Projection")}});
  }
  request["GlobalSecondaryIndexes"] = std::move(wanted);
  return request;
}

}  // namespace

class DynamoLag::Copy : public std::enable_shared_from_this<Copy> {
 public:
  Copy(asio::io_context& io, DynamoUpstream& upstream, std::string table, std::uint64_t number)
      : upstream_(upstream), timer_(io), table_(std::move(table)) {
    char suffix[32];
    std::snprintf(suffix, sizeof suffix, ".late-%016llx", static_cast<unsigned long long>(number));
    name_ = table_ + suffix;
  }

  void make() {
    upstream_.call("DescribeTable", {{"TableName", table_}},
                   [self = shared_from_this()](const DynamoAnswer& answer) {
                     if (!answer.ok()) return self->give_up();
                     self->create(answer.body.at("Table").as_object());
                   });
  }

  // No table is behind it any more.
  void end() {
    if (ended_) return;
    ended_ = true;
    late_.clear();
    timer_.cancel();
    wake();
    upstream_.call("DeleteTable", {{"TableName", name_}}, [](const DynamoAnswer&) {});
  }

  void when_ready(std::function<void()> then) {
    if (ready_ || ended_) return then();
    waiting_.push_back(std::move(then));
  }

  void add(SteadyTime due, const std::string& key, json::object request) {
    if (ended_) return;
    SteadyTime& latest = latest_[key];
    latest = std::max(latest, due);
    late_.emplace(latest, Write{key, std::move(request)});
    pump();
  }

  bool behind() const { return !late_.empty() || writing_; }
  // The real table where there is no copy.
  const std::string& name() const { return ended_ ? table_ : name_; }

 private:
  struct Write {
    std::string key;
    json::object request;  // of BatchWriteItem
  };

  void create(const json::object& described) {
    upstream_.call("CreateTable", create_request(described, name_),
                   [self = shared_from_this()](const DynamoAnswer& answer) {
                     if (!answer.ok()) return self->give_up();
                     self->await_active();
                   });
  }

  // Even a table that is made in no time is not there at once.
  void await_active() {
    upstream_.call("DescribeTable", {{"TableName", name_}},
                   [self = shared_from_this()](const DynamoAnswer& answer) {
                     if (!answer.ok()) return self->give_up();
                     if (answer.body.at("Table").at("TableStatus") == "ACTIVE") {
                       return self->scan({});
                     }
                     self->await_active();
                   });
  }

  void scan(json::object start) {
    if (ended_) return;
    json::object request{{"TableName", table_}, {"ConsistentRead", true}, {"Limit", 25}};
    if (!start.empty()) request["ExclusiveStartKey"] = std::move(start);
    upstream_.call("Scan", request, [self = shared_from_this()](DynamoAnswer answer) {
      if (!answer.ok()) return self->give_up();
      self->fill(std::move(answer.body));
    });
  }

  void fill(json::object page) {
    json::array requests;
    for (json::value& item : page.at("Items").as_array()) {
      requests.push_back(json::object{{"PutRequest", json::object{{"Item", std::move(item)}}}});
    }
    json::object next;
    if (json::value* key = page.if_contains("LastEvaluatedKey")) next = std::move(key->as_object());
    const auto go_on = [self = shared_from_this(), next] {
      if (!next.empty()) return self->scan(next);
      self->ready_ = true;
      self->wake();
      self->pump();
    };
    if (requests.empty()) return go_on();
    write(std::move(requests), go_on);
  }

  void write(json::array requests, std::function<void()> then) {
    json::object tables;
    tables[name_] = std::move(requests);
    upstream_.call("BatchWriteItem", {{"RequestItems", std::move(tables)}},
                   [self = shared_from_this(), then](const DynamoAnswer& answer) {
                     if (!answer.ok()) return self->give_up();
                     then();
                   });
  }

  void give_up() {
    if (!ended_) {
      std::fprintf(stderr, "DynamoProxy: the table of late indexes of %s failed; no lag there\n",
                   table_.c_str());
    }
    ended_ = true;
    late_.clear();
    wake();
  }

  void wake() {
    auto waiting = std::exchange(waiting_, {});
    for (const auto& then : waiting) then();
  }

  // Writes what is due, one batch at a time.
  void pump() {
    if (!ready_ || ended_ || writing_ || late_.empty()) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (late_.begin()->first > now) {
      timer_.expires_at(late_.begin()->first);
      timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
        if (!ec) self->pump();
      });
      return;
    }
    json::array requests;
    std::set<std::string> keys;  // a batch may name each item once
    while (!late_.empty() && late_.begin()->first <= now && requests.size() < kBatchItemsMax) {
      auto& [due, write] = *late_.begin();
      if (!keys.insert(write.key).second) break;
      const auto latest = latest_.find(write.key);
      if (latest != latest_.end() && latest->second == due) latest_.erase(latest);
      requests.push_back(std::move(write.request));
      late_.erase(late_.begin());
    }
    writing_ = true;
    write(std::move(requests), [self = shared_from_this()] {
      self->writing_ = false;
      self->pump();
    });
  }

  DynamoUpstream& upstream_;
  asio::steady_timer timer_;
  const std::string table_;
  std::string name_;
  bool ready_ = false;
  bool ended_ = false;
  bool writing_ = false;
  std::vector<std::function<void()>> waiting_;
  std::multimap<SteadyTime, Write> late_;
  std::unordered_map<std::string, SteadyTime> latest_;  // of the writes in late_, by key
};

DynamoLag::DynamoLag(asio::io_context& io, DynamoUpstream& upstream, std::uint64_t seed)
    : io_(io), upstream_(upstream), random_(seed) {}

DynamoLag::~DynamoLag() = default;

void DynamoLag::set(std::optional<Range> range) {
  range_ = range;
  if (range_) return;
  for (auto& [table, copy] : std::exchange(copies_, {})) copy->end();
}

DynamoLag::Copy& DynamoLag::copy_of(const std::string& table) {
  auto& copy = copies_[table];
  if (!copy) {
    copy = std::make_shared<Copy>(io_, upstream_, table, random_());
    copy->make();
  }
  return *copy;
}

void DynamoLag::before_write(const std::string& table, std::function<void()> then) {
  if (!range_) return then();
  copy_of(table).when_ready(std::move(then));
}

void DynamoLag::applied(const DynamoTable& table, const json::object& key,
                        const json::object* after) {
  if (!range_) return;
  const std::chrono::milliseconds lag{std::uniform_int_distribution<std::int64_t>(
      range_->min.count(), range_->max.count())(random_)};
  json::object request;
  if (after) {
    request["PutRequest"] = json::object{{"Item", *after}};
  } else {
    request["DeleteRequest"] = json::object{{"Key", key}};
  }
  copy_of(table.name)
      .add(std::chrono::steady_clock::now() + lag, json::serialize(key), std::move(request));
}

void DynamoLag::index_table(const std::string& table, Answer answer) {
  if (!range_) return answer(table, false);
  const auto copy = copy_of(table).shared_from_this();
  copy->when_ready([copy, answer = std::move(answer)] { answer(copy->name(), copy->behind()); });
}

}  // namespace rhooks::testing
