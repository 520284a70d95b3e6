#include "testing/test_name_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace rhooks::testing {
namespace {

// RFC 1035 section 4.1.
constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kClassIn = 1;
constexpr unsigned kNoSuchName = 3;  // NXDOMAIN
constexpr int kLookMs = 20;

void append_16(std::string& to, unsigned value) {
  to += static_cast<char>(value >> 8 & 0xff);
  to += static_cast<char>(value & 0xff);
}

}  // namespace

TestNameServer::TestNameServer(Answerer answerer) : answerer_(std::move(answerer)) {
  fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size) != 0) {
    throw std::runtime_error("no port for a name server");
  }
  port_ = ntohs(own.sin_port);
  thread_ = std::thread([this] { run(); });
}

TestNameServer::~TestNameServer() {
  stopping_ = true;
  thread_.join();
  ::close(fd_);
}

std::string TestNameServer::endpoint() const {
  return "127.0.0.1:" + std::to_string(port_);
}

std::size_t TestNameServer::asked(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto it = asked_.find(name);
  return it == asked_.end() ? 0 : it->second;
}

void TestNameServer::run() {
  while (!stopping_) {
    pollfd readable{fd_, POLLIN, 0};
    if (::poll(&readable, 1, kLookMs) <= 0) continue;
    std::array<char, 512> bytes;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t n = ::recvfrom(fd_, bytes.data(), bytes.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (n <= 0) continue;
    const std::string reply = reply_to({bytes.data(), static_cast<std::size_t>(n)});
    if (reply.empty()) continue;
    ::sendto(fd_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
  }
}

// Empty: there is none.
std::string TestNameServer::reply_to(const std::string& query) {
  std::string name;
  std::size_t at = kHeaderBytes;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<unsigned char>(query[at]);
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += length + 1u;
  }
  const std::size_t question_end = at + 5;  // the root's label, type and class
  if (question_end > query.size()) return {};
  const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 |
                                               static_cast<unsigned char>(query[at + 2]));
  if (type == kTypeA) {
    std::lock_guard lock(mutex_);
    ++asked_[name];
  }
  Answer answer = answerer_(name);
  if (answer.silent) return {};
  if (type != kTypeA) answer.addresses.clear();

  std::string reply = query.substr(0, 2);
  append_16(reply, 0x8180 | (answer.exists ? 0 : kNoSuchName));  // a response, with recursion
  append_16(reply, 1);
  append_16(reply, static_cast<unsigned>(answer.addresses.size()));
  append_16(reply, 0);
  append_16(reply, 0);
  reply += query.substr(kHeaderBytes, question_end - kHeaderBytes);
  for (const std::string& address : answer.addresses) {
    append_16(reply, 0xc000 | kHeaderBytes);  // the name of the question
    append_16(reply, kTypeA);
    append_16(reply, kClassIn);
    append_16(reply, 0);
    append_16(reply, 60);  // seconds to live
    in_addr v4{};
    ::inet_pton(AF_INET, address.c_str(), &v4);
    append_16(reply, sizeof v4);
    reply.append(reinterpret_cast<const char*>(&v4), sizeof v4);
  }
  return reply;
}

}  // namespace rhooks::testing
