// What clients send: raw bytes on a connection, through the server's own session, HTTP parser,
// router, readers of paths, queries and bodies, and the API on a memory store; nothing is
// delivered anywhere. Every connection ends with all that was reserved for it given back; what
// comes back is a row of well-formed responses, none of them a 500 or longer than it says; no
// body is longer than was admitted; and the answers do not depend on how the bytes arrive.
//
// The first byte says in how large pieces the rest is sent the second time.

#include "rest/http_session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <optional>
#include <vector>

#include "fuzz/fuzz.h"
#include "hooks/hooks_parts.h"
#include "observe/logging.h"
#include "rest/api.h"
#include "store/memory/memory_store.h"
#include "testing/faulty_store.h"
#include "testing/manual_clock.h"
#include "testing/scripted_sender.h"

using namespace rhooks;
namespace asio = boost::asio;

namespace {

constexpr std::size_t kHeadBytesMax = 2048;

// The API as a server has it, on a store that can be emptied.
class Service {
 public:
  Service() {
    log::configure(log::Level::kError, log::Format::kText);
    Hooks::Parts parts;
    parts.metrics = std::make_shared<Metrics>();
    auto clock = std::make_shared<testing::ManualClock>();
    parts.clock = clock;
    parts.random = std::make_shared<Random>(1);
    parts.store = std::make_unique<testing::FaultyStore>(memory_.emplace(1));
    store_ = parts.store.get();
    parts.endpoints =
        std::shared_ptr<store::Endpoints>(std::shared_ptr<void>(), &endpoints_.emplace(*store_));
    parts.secrets = std::shared_ptr<secrets::Secrets>(std::shared_ptr<void>(), &make_secrets());
    parts.api_keys =
        std::shared_ptr<store::ApiKeys>(std::shared_ptr<void>(), &api_keys_.emplace(*store_));
    parts.sender = std::make_unique<testing::ScriptedSender>(*clock);
    parts.make_sender = [clock]() -> Result<std::unique_ptr<delivery::Sender>> {
      return std::make_unique<testing::ScriptedSender>(*clock);
    };
    parts.share_writes = true;
    hooks_.emplace(std::move(parts));
    api_.emplace(*hooks_, rest::ApiOptions{});
  }

  // In its place, so that who refers to it sees an empty one.
  void empty_store() {
    memory_.emplace(1);
    endpoints_.emplace(*store_);
    api_keys_.emplace(*store_);
    make_secrets();
  }
  const rest::Api& api() const { return *api_; }

 private:
  secrets::Secrets& make_secrets() {
    constexpr const char* kMasterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    return secrets_.emplace(*store_, secrets::MasterKeys::parse(kMasterKey).value());
  }

  std::optional<store::MemoryStore> memory_;
  store::Store* store_ = nullptr;
  std::optional<store::Endpoints> endpoints_;  // what is known of it
  std::optional<secrets::Secrets> secrets_;
  std::optional<store::ApiKeys> api_keys_;
  std::optional<Hooks> hooks_;
  std::optional<rest::Api> api_;
};

struct Answer {
  int status = 0;
  std::string problem;  // the body, where it is a problem document

  friend bool operator==(const Answer&, const Answer&) = default;
};

// One connection from its first byte to its end, driven by hand.
class Connection {
 public:
  explicit Connection(const rest::Api& api) {
    api.connect(state_.options);
    state_.options.header_bytes_max = kHeadBytesMax;
    state_.options.admit = [this, &api](const rest::HttpRequest& head) {
      heads_.push_back(head.method);
      auto admission = api.admit(head);
      body_bytes_max_ = admission.body_bytes_max;
      return admission;
    };
    state_.handler = [this, &api](const rest::HttpRequest& request) {
      check(request);
      return api.handle(request);
    };
    state_.options.handle_later = [this, &api](const rest::HttpRequest& request,
                                               rest::Respond respond) {
      check(request);
      api.handle_later(request, std::move(respond));
    };
    state_.use(pool_);
    int ends[2];
    FUZZ_EXPECT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    client_ = ends[0];
    // No TCP: what is said about bytes is true of any stream.
    auto session = std::make_shared<rest::HttpSession>(
        state_, rest::Socket(asio::make_strand(loop_), asio::ip::tcp::v4(), ends[1]),
        asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 1));
    state_.sessions.emplace(session.get(), session);
    asio::post(session->strand(), [session] { session->start(); });
  }

  ~Connection() {
    // As the server does: what answers uses all that goes now.
    pool_.join();
    state_.queue.wait_until_answered();
    FUZZ_EXPECT(state_.queued == 0);
    FUZZ_EXPECT(state_.request_bytes.used == 0 && state_.response_bytes.used == 0);
    ::close(client_);
  }

  // Sends the bytes in pieces, and reads until the server has closed.
  std::vector<Answer> talk(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && open()) {
      bytes.remove_prefix(send(bytes.substr(0, piece)));
      turn();
    }
    ::shutdown(client_, SHUT_WR);
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{8};
    while (open()) {
      turn();
      FUZZ_EXPECT(std::chrono::steady_clock::now() < patience);
    }
    receive();
    return answers();
  }

 private:
  // What a handler is given.
  void check(const rest::HttpRequest& request) const {
    FUZZ_EXPECT(request.body.size() <= body_bytes_max_);
    for (const Header& header : request.headers) {
      FUZZ_EXPECT((header.name + header.value).find_first_of("\r\n") == std::string::npos);
    }
  }

  bool open() {
    MutexLock lock(state_.mutex);
    return !state_.sessions.empty();
  }

  std::size_t send(std::string_view bytes) {
    const ssize_t sent = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    return errno == EAGAIN ? 0 : bytes.size();  // closed: it goes nowhere
  }

  void receive() {
    char data[16384];
    for (ssize_t n; (n = ::recv(client_, data, sizeof data, 0)) > 0;) {
      received_.append(data, static_cast<std::size_t>(n));
    }
  }

  void turn() {
    const std::size_t before = received_.size();
    const std::size_t ran = loop_.poll();
    receive();
    if (ran == 0 && received_.size() == before && open()) {
      loop_.run_one_for(std::chrono::milliseconds{1});
    }
  }

  std::vector<Answer> answers() {
    std::vector<Answer> all;
    std::string_view rest = received_;
    while (!rest.empty()) {
      FUZZ_EXPECT(rest.starts_with("HTTP/1.1 "));
      const auto head_end = rest.find("\r\n\r\n");
      FUZZ_EXPECT(head_end != std::string_view::npos);
      const std::string_view head = rest.substr(0, head_end + 2);
      rest.remove_prefix(head_end + 4);
      const int status = std::atoi(std::string(head.substr(9, 3)).c_str());
      FUZZ_EXPECT(status == 100 || (status >= 200 && status <= 599 && status != 500));
      if (status == 100) continue;
      const auto length_at = head.find("\r\nContent-Length: ");
      const bool has_length = length_at != std::string_view::npos;
      FUZZ_EXPECT(has_length != (status == 204));
      std::size_t length = 0;
      if (has_length) length = std::stoul(std::string(head.substr(length_at + 18, 12)));
      // Where a head was refused it may have been one of HEAD, and the last response it is.
      const bool known = all.size() < heads_.size();
      if (known ? heads_[all.size()] == "HEAD" : rest.empty()) length = 0;
      FUZZ_EXPECT(length <= rest.size());
      Answer answer{status, {}};
      const std::string_view body = rest.substr(0, length);
      if (length > 0 && head.find("json\r\n") != std::string_view::npos) {
        boost::system::error_code ec;
        const auto parsed = boost::json::parse({body.data(), body.size()}, ec);
        FUZZ_EXPECT(!ec && parsed.is_object());
      }
      if (head.find("application/problem+json") != std::string_view::npos) answer.problem = body;
      rest.remove_prefix(length);
      const bool closes = head.find("\r\nConnection: close\r\n") != std::string_view::npos;
      FUZZ_EXPECT(!closes || rest.empty());
      all.push_back(std::move(answer));
    }
    return all;
  }

  // As in the server: the pool goes first, then the loop with what it still holds.
  rest::ServerState state_;
  asio::io_context loop_{1};
  const asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(loop_);
  asio::thread_pool pool_{1};
  int client_ = -1;
  std::vector<std::string> heads_;
  std::size_t body_bytes_max_ = 0;
  std::string received_;
};

void print(const char* what, const std::vector<Answer>& answers) {
  std::fprintf(stderr, "%s:", what);
  for (const Answer& answer : answers) {
    std::fprintf(stderr, " %d %s", answer.status, answer.problem.c_str());
  }
  std::fputc('\n', stderr);
}

// A head that is not HTTP is refused when the parser sees it, which may be before or after it
// was too long or had ended too early.
bool alike(const std::vector<Answer>& a, const std::vector<Answer>& b) {
  if (a == b) return true;
  if (a.empty() || a.size() != b.size()) return false;
  const auto refused = [](int status) { return status == 400 || status == 431 || status == 505; };
  return std::equal(a.begin(), a.end() - 1, b.begin()) && refused(a.back().status) &&
         refused(b.back().status);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Never destroyed: what its thread has of OpenSSL's would be left over, since OpenSSL ends first.
  static Service& service = *new Service;
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.number(1);
  const std::string_view bytes = input.rest();

  service.empty_store();
  const auto at_once =
      Connection(service.api()).talk(bytes, std::max<std::size_t>(bytes.size(), 1));
  service.empty_store();
  const auto in_pieces = Connection(service.api()).talk(bytes, piece);
  if (!alike(at_once, in_pieces)) {
    print("at once", at_once);
    print("in pieces", in_pieces);
  }
  FUZZ_EXPECT(alike(at_once, in_pieces));
  return 0;
}
