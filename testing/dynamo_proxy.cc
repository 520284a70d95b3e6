#include "testing/dynamo_proxy.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <ctime>
#include <deque>
#include <mutex>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "testing/dynamo_answers.h"
#include "testing/dynamo_operations.h"
#include "testing/dynamo_signature.h"

namespace rhooks::testing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kRequestBytesMax = 16 * 1024 * 1024;  // as DynamoDB's

DynamoAnswer error_answer(int status, const std::string& type, std::string_view message) {
  return {status, {{"__type", type}, {"message", message}}};
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing.html
DynamoAnswer throttle_answer(const std::string& error, const std::string& operation,
                             const std::string& table) {
  const bool reads = operation.find("Get") != operation.npos || operation == "Query";
  DynamoAnswer answer =
      error_answer(400, "com.amazonaws.dynamodb.v20120810#" + error,
                   "Throughput exceeds the current throughput limit for your table or index.");
  answer.body["ThrottlingReasons"] = json::array{
      json::object{{"reason", reads ? "TableReadKeyRangeThroughputExceeded"
                                    : "TableWriteKeyRangeThroughputExceeded"},
                   {"resource", "arn:aws:dynamodb:us-east-1:123456789012:table/" + table}}};
  return answer;
}

DynamoAnswer denied_answer(const std::string& operation, const std::string& table) {
  // This one really has a capital M.
  return {400,
          {{"__type", "com.amazon.coral.service#AccessDeniedException"},
           {"Message",
            "User: arn:aws:iam::123456789012:user/test is not authorized to perform: "
            "dynamodb:" +
                operation + " on resource: arn:aws:dynamodb:us-east-1:123456789012:" + "table/" +
                table + " because no identity-based policy allows the dynamodb:" + operation +
                " action"}}};
}

// The table of the request, or the first of a batch.
std::string table_named(const json::object& body) {
  const json::value* tables = body.if_contains("RequestItems");
  if (tables && tables->is_object() && !tables->as_object().empty()) {
    return tables->as_object().begin()->key();
  }
  return text_of(body, "TableName");
}

std::string http_date(std::int64_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  char text[64];
  ::gmtime_r(&time, &parts);
  ::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

const char* reason(int status) {
  return status == 200 ? "OK" : status < 500 ? "Bad Request" : "Internal Server Error";
}

// Adds what was left out to what the answer says was left out.
void add_unprocessed(const std::string& operation, DynamoAnswer& answer,
                     const json::object& unprocessed) {
  const char* const name = operation == "BatchGetItem" ? "UnprocessedKeys" : "UnprocessedItems";
  json::object& all = answer.body.emplace(name, json::object()).first->value().as_object();
  for (const auto& [table, requests] : unprocessed) {
    json::value* known = all.if_contains(table);
    if (!known) {
      all[table] = requests;
      continue;
    }
    const bool reads = requests.is_object();
    const json::array& more = reads ? requests.at("Keys").as_array() : requests.as_array();
    json::array& list = reads ? known->at("Keys").as_array() : known->as_array();
    list.insert(list.end(), more.begin(), more.end());
  }
}

// What is to be done with one request.
struct Plan {
  std::string operation;
  json::object body;
  std::optional<DynamoAnswer> refusal;  // the answer, with nothing applied
  std::set<DynamoFault> faults;
  milliseconds delay_before{0};
  milliseconds delay_after{0};

  bool has(DynamoFault fault) const { return faults.contains(fault); }
};

}  // namespace

class DynamoProxy::Core {
 public:
  class Session;

  Core(const std::string& emulator, Options options);
  ~Core();

  // From the thread of the proxy.
  Plan plan(const TestRequest& request);
  std::int64_t now_seconds() const;

  // These are guarded by the mutex.
  mutable std::mutex mutex_;
  std::map<std::string, AwsKey> keys_;
  std::chrono::seconds clock_offset_{0};
  DynamoFaults faults_;
  std::map<std::string, std::deque<DynamoFault>> next_;
  std::set<std::string> denied_;
  bool cut_ = false;
  DynamoCounts counts_;
  DynamoUsage usage_;

  const Options options_;
  const std::uint64_t seed_;
  std::uint16_t port_ = 0;
  std::set<Session*> sessions_;  // of the thread; outlives the last of them, which io_ holds
  asio::io_context io_;

  // These belong to the thread.
  std::mt19937_64 random_;
  tcp::acceptor acceptor_{io_};
  std::unique_ptr<DynamoOperations> operations_;
  std::thread thread_;

  void close_all();

 private:
  void accept();
  void draw(Plan& plan, const std::string& table);
};

// One connection of a client.
class DynamoProxy::Core::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Core& core)
      : socket_(std::move(socket)), timer_(core.io_), core_(core) {
    core_.sessions_.insert(this);
  }
  ~Session() { core_.sessions_.erase(this); }

  void read() {
    parser_.emplace();
    parser_->body_limit(kRequestBytesMax);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code ec, std::size_t) {
                       if (!ec) self->on_request();
                     });
  }

  void close() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  void on_request() {
    auto& message = parser_->get();
    TestRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message) {
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    }
    keep_alive_ = message.keep_alive();
    request.body = std::move(message.body());

    plan_ = core_.plan(request);
    if (plan_.has(DynamoFault::kDropBefore)) return close();
    after(plan_.delay_before, [this] { perform(); });
  }

  void perform() {
    if (plan_.refusal) return answer(std::move(*plan_.refusal));
    json::object unprocessed;
    if (plan_.has(DynamoFault::kUnprocessed)) {
      std::size_t taken = 0;
      unprocessed = core_.operations_->take_unprocessed(plan_.operation, plan_.body, &taken);
      std::lock_guard lock(core_.mutex_);
      core_.counts_.unprocessed += taken;
    }
    core_.operations_->run(plan_.operation, std::move(plan_.body),
                           [self = shared_from_this(), unprocessed](DynamoAnswer done) {
                             if (done.ok() && !unprocessed.empty()) {
                               add_unprocessed(self->plan_.operation, done, unprocessed);
                             }
                             self->answer(std::move(done));
                           });
  }

  void answer(DynamoAnswer answer) {
    if (answer.status == 0) {
      std::fprintf(stderr, "DynamoProxy: %s\n", text_of(answer.body, "message").c_str());
      std::lock_guard lock(core_.mutex_);
      ++core_.counts_.emulator_failures;
      return close();
    }
    after(plan_.delay_after, [this, answer = std::move(answer)] { respond(answer); });
  }

  void respond(const DynamoAnswer& given) {
    if (plan_.has(DynamoFault::kDropAfter)) return close();
    static const DynamoAnswer internal =
        error_answer(500, "com.amazonaws.dynamodb.v20120810#InternalServerError",
                     "The request processing has failed because of an unknown error.");
    const DynamoAnswer& answer = plan_.has(DynamoFault::kErrorAfter) ? internal : given;
    const std::string body = json::serialize(answer.body);
    output_ =
        "HTTP/1.1 " + std::to_string(answer.status) + ' ' + reason(answer.status) +
        "\r\nServer: Server\r\nDate: " + http_date(core_.now_seconds()) +
        "\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: " +
        std::to_string(body.size()) +
        (keep_alive_ ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
    const bool truncate = plan_.has(DynamoFault::kTruncate);
    output_ += truncate ? body.substr(0, body.size() / 2) : body;
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this(), truncate](error_code ec, std::size_t) {
                        if (ec || truncate || !self->keep_alive_) return self->close();
                        self->read();
                      });
  }

  template <typename Then>
  void after(milliseconds delay, Then then) {
    if (delay.count() == 0) return then();
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this(), then = std::move(then)](error_code ec) mutable {
      if (!ec) then();
    });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Core& core_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Plan plan_;
  std::string output_;
  bool keep_alive_ = true;
};

DynamoProxy::Core::Core(const std::string& emulator, Options options)
    : options_(std::move(options)),
      seed_(options_.seed != 0 ? options_.seed : std::random_device()()),
      random_(seed_) {
  std::fprintf(stderr, "DynamoProxy: seed %llu\n", static_cast<unsigned long long>(seed_));
  DynamoOperations::Events events;
  events.cost = [this](const std::string& operation, const std::string& table, DynamoCost cost) {
    std::lock_guard lock(mutex_);
    DynamoUse& use = usage_.uses[{operation, table}];
    ++use.requests;
    use.wcu += cost.wcu;
    use.index_wcu += cost.index_wcu;
    use.rcu += cost.rcu;
  };
  events.stale_query = [this] {
    std::lock_guard lock(mutex_);
    ++counts_.stale_queries;
  };
  operations_ = std::make_unique<DynamoOperations>(io_, emulator, seed_, std::move(events));

  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
  port_ = acceptor_.local_endpoint().port();
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

DynamoProxy::Core::~Core() {
  io_.stop();
  thread_.join();
  // Takes along the requests that wait in it, and their sessions; the io_context, which is
  // destroyed later, the rest.
  operations_.reset();
}

void DynamoProxy::Core::accept() {
  acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (!ec) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::unique_lock lock(mutex_);
      const bool cut = cut_;
      lock.unlock();
      if (cut) {
        socket.close(ignored);
      } else {
        std::make_shared<Session>(std::move(socket), *this)->read();
      }
    }
    accept();
  });
}

void DynamoProxy::Core::close_all() {
  for (Session* session : sessions_) session->close();
}

std::int64_t DynamoProxy::Core::now_seconds() const {
  std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(std::time(nullptr)) + clock_offset_.count();
}

Plan DynamoProxy::Core::plan(const TestRequest& request) {
  const std::int64_t now = now_seconds();
  Plan plan;
  const std::string target = request.header("x-amz-target");
  plan.operation = target.substr(std::min(target.size(), target.find('.') + 1));
  error_code ec;
  json::value body = json::parse(request.body, ec);

  std::lock_guard lock(mutex_);
  ++counts_.requests;
  if (const auto error = check_signature(request, options_.region, keys_, now)) {
    ++counts_.unsigned_requests;
    plan.refusal = error_answer(error->status, error->type, error->message);
    return plan;
  }
  if (request.method != "POST" || !target.starts_with("DynamoDB_20120810.")) {
    plan.refusal =
        error_answer(400, "com.amazon.coral.service#UnknownOperationException", "No such target");
    return plan;
  }
  if (ec || !body.is_object()) {
    plan.refusal = error_answer(400, "com.amazon.coral.service#SerializationException",
                                "The body is no JSON object");
    return plan;
  }
  plan.body = std::move(body.as_object());
  const std::string table = table_named(plan.body);
  if (denied_.contains(plan.operation)) {
    ++counts_.denied;
    plan.refusal = denied_answer(plan.operation, table);
    return plan;
  }
  draw(plan, table);
  return plan;
}

// Decides on faults, under the mutex.
void DynamoProxy::Core::draw(Plan& plan, const std::string& table) {
  const auto happens = [this](double chance) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < chance;
  };
  auto& next = next_[plan.operation];
  if (!next.empty()) {
    plan.faults.insert(next.front());
    next.pop_front();
  } else {
    const auto own = faults_.of_operation.find(plan.operation);
    const auto& rates = own == faults_.of_operation.end() ? faults_.rates : own->second;
    for (const auto& [fault, rate] : rates) {
      if (happens(rate)) plan.faults.insert(fault);
    }
  }

  if (!plan.operation.starts_with("Batch")) plan.faults.erase(DynamoFault::kUnprocessed);
  // What keeps a request from being applied leaves nothing to happen afterwards.
  for (const DynamoFault first :
       {DynamoFault::kDropBefore, DynamoFault::kThrottle, DynamoFault::kErrorBefore}) {
    if (!plan.has(first)) continue;
    const bool delayed = plan.has(DynamoFault::kDelay);
    plan.faults = {first};
    if (delayed && first != DynamoFault::kDropBefore) plan.faults.insert(DynamoFault::kDelay);
  }
  for (const DynamoFault first :
       {DynamoFault::kDropAfter, DynamoFault::kErrorAfter, DynamoFault::kTruncate}) {
    if (!plan.has(first)) continue;
    for (const DynamoFault other :
         {DynamoFault::kDropAfter, DynamoFault::kErrorAfter, DynamoFault::kTruncate}) {
      if (other != first) plan.faults.erase(other);
    }
  }

  if (plan.has(DynamoFault::kThrottle)) {
    plan.refusal = throttle_answer(faults_.throttle_error, plan.operation, table);
  } else if (plan.has(DynamoFault::kErrorBefore)) {
    plan.refusal = error_answer(500, "com.amazonaws.dynamodb.v20120810#InternalServerError",
                                "The request processing has failed because of an unknown error.");
  }
  if (plan.has(DynamoFault::kDelay)) {
    const milliseconds delay{std::uniform_int_distribution<std::int64_t>(
        1, std::max<std::int64_t>(1, faults_.delay_max.count()))(random_)};
    (happens(0.5) ? plan.delay_before : plan.delay_after) = delay;
  }
  for (const DynamoFault fault : plan.faults) ++counts_.injected[fault];
}

std::size_t DynamoCounts::of(DynamoFault fault) const {
  const auto found = injected.find(fault);
  return found == injected.end() ? 0 : found->second;
}

namespace {

template <typename Matches>
DynamoUse sum(const DynamoUsage& usage, Matches matches) {
  DynamoUse total;
  for (const auto& [key, use] : usage.uses) {
    if (!matches(key)) continue;
    total.requests += use.requests;
    total.wcu += use.wcu;
    total.index_wcu += use.index_wcu;
    total.rcu += use.rcu;
  }
  return total;
}

}  // namespace

DynamoUse DynamoUsage::total() const {
  return sum(*this, [](const auto&) { return true; });
}

DynamoUse DynamoUsage::of_operation(const std::string& operation) const {
  return sum(*this, [&](const auto& key) { return key.first == operation; });
}

DynamoUse DynamoUsage::of_table(const std::string& table) const {
  return sum(*this, [&](const auto& key) { return key.second == table; });
}

DynamoProxy::DynamoProxy(const std::string& emulator) : DynamoProxy(emulator, Options()) {}
DynamoProxy::DynamoProxy(const std::string& emulator, Options options)
    : core_(std::make_unique<Core>(emulator, std::move(options))) {}
DynamoProxy::~DynamoProxy() = default;

std::string DynamoProxy::endpoint() const {
  return "http://127.0.0.1:" + std::to_string(core_->port_);
}

std::uint64_t DynamoProxy::seed() const {
  return core_->seed_;
}

void DynamoProxy::accept_key(const std::string& id, const std::string& secret,
                             const std::string& token) {
  std::lock_guard lock(core_->mutex_);
  core_->keys_[id] = {secret, token, false};
}

void DynamoProxy::expire_key(const std::string& id) {
  std::lock_guard lock(core_->mutex_);
  core_->keys_[id].expired = true;
}

void DynamoProxy::revoke_key(const std::string& id) {
  std::lock_guard lock(core_->mutex_);
  core_->keys_.erase(id);
}

void DynamoProxy::set_clock_offset(std::chrono::seconds offset) {
  std::lock_guard lock(core_->mutex_);
  core_->clock_offset_ = offset;
}

void DynamoProxy::faults(DynamoFaults faults) {
  std::optional<DynamoLag::Range> lag;
  if (faults.index_lag) lag = {faults.index_lag->min, faults.index_lag->max};
  {
    std::lock_guard lock(core_->mutex_);
    core_->faults_ = std::move(faults);
  }
  // Before any request that comes after this call.
  asio::post(core_->io_, [core = core_.get(), lag] { core->operations_->lag().set(lag); });
}

void DynamoProxy::inject_next(const std::string& operation, DynamoFault fault, std::size_t times) {
  std::lock_guard lock(core_->mutex_);
  auto& next = core_->next_[operation];
  next.insert(next.end(), times, fault);
}

void DynamoProxy::deny(const std::string& operation) {
  std::lock_guard lock(core_->mutex_);
  core_->denied_.insert(operation);
}

void DynamoProxy::allow(const std::string& operation) {
  std::lock_guard lock(core_->mutex_);
  core_->denied_.erase(operation);
}

void DynamoProxy::cut_network(bool cut) {
  {
    std::lock_guard lock(core_->mutex_);
    core_->cut_ = cut;
  }
  if (cut) asio::post(core_->io_, [core = core_.get()] { core->close_all(); });
}

DynamoCounts DynamoProxy::counts() const {
  std::lock_guard lock(core_->mutex_);
  return core_->counts_;
}

DynamoUsage DynamoProxy::usage() const {
  std::lock_guard lock(core_->mutex_);
  return core_->usage_;
}

void DynamoProxy::reset_usage() {
  std::lock_guard lock(core_->mutex_);
  core_->usage_ = {};
}

}  // namespace rhooks::testing
