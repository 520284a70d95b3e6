#pragma once

// A blocking HTTP client for tests: plain sockets, so that it can misbehave at will.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rhooks::rest::test {

struct Reply {
  int status = 0;                              // 0: the connection ended without a response
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? std::string() : it->second;
  }
};

// One connection to 127.0.0.1. Every wait is bounded.
class Client {
 public:
  static constexpr std::chrono::milliseconds kPatience{60'000};

  // `receive_bytes`: of the kernel's receive buffer, small for clients that do not read. `from`: an
  // address of 127.0.0.0/8, all of which are this machine's.
  explicit Client(std::uint16_t port, std::chrono::milliseconds patience = kPatience,
                  int receive_bytes = 0, const char* from = nullptr)
      : patience_(patience) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (receive_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    if (from) {
      // Without it the port would be this socket's alone for as long as anything of it is left, and
      // thousands of them leave too few for all other clients of this machine (ip(7)).
      const int one = 1;
      ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
      sockaddr_in own{};
      own.sin_family = AF_INET;
      ::inet_pton(AF_INET, from, &own.sin_addr);
      ::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    if (!connected_ && errno == EINPROGRESS && ready(POLLOUT)) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
      connected_ = error == 0;
    }
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        patience_(other.patience_),
        pending_(std::move(other.pending_)) {}
  static Client from(const char* address, std::uint16_t port) {
    return Client(port, kPatience, 0, address);
  }
  Client& operator=(Client&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(connected_, other.connected_);
    std::swap(patience_, other.patience_);
    std::swap(pending_, other.pending_);
    return *this;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(); }

  bool connected() const { return connected_; }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  // Ends the connection by a TCP reset.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

  // False where the server closed the connection, or takes nothing for too long.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t n = send_some(bytes);
      if (n == 0 && (errno != EAGAIN || !ready(POLLOUT))) return false;
      bytes.remove_prefix(n);
    }
    return true;
  }

  // As much as goes without waiting; 0 with errno EAGAIN where that is nothing.
  std::size_t send_some(std::string_view bytes) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  // Reads one response. `no_body`: of a HEAD request.
  Reply receive(bool no_body = false) {
    Reply reply;
    std::size_t end = std::string::npos;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return reply;
    }
    const std::string head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    reply.status = std::atoi(head.c_str() + 9);
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
      const std::size_t eol = head.find("\r\n", at);
      const std::string line = head.substr(at, eol - at);
      const std::size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = line.substr(line.find_first_not_of(' ', colon + 1));
      at = eol + 2;
    }
    if (reply.status < 200 || no_body) return reply;
    const std::size_t length =
        static_cast<std::size_t>(std::atoll(reply.header("content-length").c_str()));
    while (pending_.size() < length) {
      if (!fill()) break;
    }
    reply.body = pending_.substr(0, length);
    pending_.erase(0, length);
    pending_.shrink_to_fit();  // tests measure the memory of the server in this process
    return reply;
  }

  // Waits until something arrives, and leaves it where it is.
  bool wait_readable() { return !pending_.empty() || ready(POLLIN); }
  // Whether something has arrived, or the end.
  bool readable() { return !pending_.empty() || ready(POLLIN, std::chrono::milliseconds{0}); }

  // Whether the server closes (or has closed) the connection, nothing more being sent.
  bool closed_by_server() { return pending_.empty() && !fill(); }

 private:
  bool ready(short what) { return ready(what, patience_); }
  bool ready(short what, std::chrono::milliseconds patience) {
    pollfd p{fd_, what, 0};
    return ::poll(&p, 1, static_cast<int>(patience.count())) > 0;
  }

  bool fill() {
    if (!ready(POLLIN)) return false;
    char data[16384];
    const ssize_t n = ::recv(fd_, data, sizeof data, 0);
    if (n <= 0) return false;
    pending_.append(data, static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::chrono::milliseconds patience_;
  std::string pending_;
};

struct Call {
  std::string method = "GET";
  std::string target = "/";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

inline std::string text_of(const Call& call) {
  std::string text = call.method + " " + call.target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  for (const auto& [name, value] : call.headers) text += name + ": " + value + "\r\n";
  if (!call.body.empty()) text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  return text + "\r\n" + call.body;
}

inline Reply call(Client& client, const Call& c) {
  if (!client.send(text_of(c))) return {};
  return client.receive(c.method == "HEAD");
}

// On a connection of its own.
inline Reply call(std::uint16_t port, const Call& c) {
  Client client(port);
  return call(client, c);
}

}  // namespace rhooks::rest::test
