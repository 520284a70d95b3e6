#include "bench/load/receiver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "bench/load/byte_stream.h"
#include "testing/process_facts.h"

namespace rhooks::bench {
namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
// The sender ends the connection after it: no request of its own can cross the end.
constexpr std::string_view kLastResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
    "Connection: close\r\n\r\nok";
constexpr std::string_view kDue = "/due/";
constexpr const char* kCertificate = "ca.pem";

Tally* map_tally(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Tally)) != 0) throw std::runtime_error("no shared memory");
  void* const at = ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) throw std::runtime_error("no shared memory");
  return static_cast<Tally*>(at);
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Where the port is 0, on any that is free.
int listen_on(std::uint32_t address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(address);
  at.sin_port = htons(port);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(fd, 4096) != 0) {
    throw std::runtime_error(std::string("the receiver cannot listen: ") + std::strerror(errno));
  }
  return fd;
}

sockaddr_in address_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

// What came on one connection and is not yet a whole request.
struct Connection {
  std::string pending;
  std::size_t body_left = 0;  // of a request whose headers were read
};

class Loop {
 public:
  Loop(Tally& tally, const ReceiverKind& kind, TlsContext tls)
      : tally_(tally), kind_(kind), tls_(std::move(tls)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  // The host and port of each host, with spaces between them.
  std::string listen() {
    std::string hosts;
    std::uint16_t port = 0;
    for (std::uint32_t i = 0; i < kind_.hosts; ++i) {
      const int fd =
          kind_.addresses ? listen_on(INADDR_LOOPBACK + i, port) : listen_on(INADDR_LOOPBACK, 0);
      add(fd);
      of(fd).listens = true;
      const sockaddr_in address = address_of(fd);
      port = ntohs(address.sin_port);
      char text[INET_ADDRSTRLEN];
      ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
      hosts += std::string(text) + ':' + std::to_string(port) + ' ';
    }
    return hosts;
  }

  // Until the process that started this one ends.
  [[noreturn]] void run() {
    std::vector<epoll_event> events(1024);
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        of(fd).listens ? accept(fd) : read(fd);
      }
    }
  }

 private:
  struct Descriptor {
    bool listens = false;
    Connection connection;
    ByteStream stream;
  };

  Descriptor& of(int fd) {
    if (descriptors_.size() <= static_cast<std::size_t>(fd)) {
      descriptors_.resize(static_cast<std::size_t>(fd) + 1);
    }
    return descriptors_[static_cast<std::size_t>(fd)];
  }

  void add(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    of(fd) = {};
  }

  void accept(int listener) {
    int fd = 0;
    while ((fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      add(fd);
      of(fd).stream = ByteStream(fd, tls_.get());
    }
  }

  void read(int fd) {
    const ssize_t size = of(fd).stream.read(buffer_, sizeof buffer_);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
      of(fd) = {};
      ::close(fd);
      return;
    }
    Connection& connection = of(fd).connection;
    std::string_view data(buffer_, static_cast<std::size_t>(size));
    if (!connection.pending.empty()) {
      connection.pending += data;
      data = connection.pending;
    }
    const std::size_t done = answer(fd, connection, data);
    connection.pending = std::string(data.substr(done));
  }

  // Responds to the whole requests in `data`; returns how much of it they were.
  std::size_t answer(int fd, Connection& connection, std::string_view data) {
    std::size_t done = 0;
    while (true) {
      const std::string_view rest = data.substr(done);
      if (connection.body_left > 0) {
        const std::size_t taken = std::min(connection.body_left, rest.size());
        connection.body_left -= taken;
        done += taken;
        if (connection.body_left > 0) return done;
        respond(fd);
        continue;
      }
      const auto end = rest.find("\r\n\r\n");
      if (end == std::string_view::npos) return done;
      const std::string_view head = rest.substr(0, end);
      note_arrival(head);
      connection.body_left = content_length(head);
      done += end + 4;
      if (connection.body_left == 0) respond(fd);
    }
  }

  void respond(int fd) {
    tally_.requests.fetch_add(1, std::memory_order_relaxed);
    tally_.last_at_us.store(now_us(), std::memory_order_relaxed);
    if (!kind_.answers) return;
    if (!of(fd).stream.write(kind_.keeps ? kResponse : kLastResponse)) ::shutdown(fd, SHUT_RDWR);
  }

  void note_arrival(std::string_view head) {
    const auto path = head.find(' ') + 1;
    if (!head.substr(path).starts_with(kDue)) return;
    std::int64_t due_ms = 0;
    std::from_chars(head.data() + path + kDue.size(), head.data() + head.size(), due_ms);
    const auto index = tally_.arrival_count.load(std::memory_order_relaxed);
    if (index < Tally::kArrivalsMax) tally_.arrivals[index] = {due_ms, now_us()};
    tally_.arrival_count.store(index + 1, std::memory_order_release);
  }

  static std::size_t content_length(std::string_view head) {
    static constexpr std::string_view kName = "content-length:";
    for (auto line = head.find("\r\n"); line != std::string_view::npos;
         line = head.find("\r\n", line)) {
      line += 2;
      if (head.size() - line < kName.size()) break;
      if (::strncasecmp(head.data() + line, kName.data(), kName.size()) != 0) continue;
      const auto digits = head.find_first_not_of(' ', line + kName.size());
      std::size_t length = 0;
      std::from_chars(head.data() + digits, head.data() + head.size(), length);
      return length;
    }
    return 0;
  }

  Tally& tally_;
  const ReceiverKind kind_;
  const TlsContext tls_;  // none: plain HTTP
  const int epoll_;
  std::vector<Descriptor> descriptors_;  // by number
  char buffer_[256 << 10];
};

}  // namespace

Receiver::Receiver(const ReceiverKind& kind)
    : tls_(kind.tls), tally_(map_tally(dir_.sub("tally"))) {
  process_ = std::make_unique<testing::ChildProcess>(std::vector<std::string>{
      std::filesystem::read_symlink("/proc/self/exe").string(), "--receiver", dir_.path().string(),
      std::to_string(kind.hosts), std::to_string(kind.addresses), std::to_string(kind.tls),
      std::to_string(kind.keeps), std::to_string(kind.answers)});
  const auto line = process_->read_line();
  if (!line) throw std::runtime_error("the receiver did not start: " + process_->errors());
  std::istringstream text(*line);
  for (std::string host; text >> host;) hosts_.push_back(host);
}

int Receiver::run(const std::vector<std::string>& args) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that senders have closed
  testing::raise_open_files();
  const std::string dir = args.at(0) + '/';
  const auto says = [&](std::size_t place) { return args.at(place) == "1"; };
  const ReceiverKind kind{.hosts = std::stoul(args.at(1)),
                          .addresses = says(2),
                          .tls = says(3),
                          .keeps = says(4),
                          .answers = says(5)};
  TlsContext tls = kind.tls ? make_server_tls(dir + kCertificate, dir + "key.pem") : nullptr;
  const auto loop = std::make_unique<Loop>(*map_tally(dir + "tally"), kind, std::move(tls));
  std::puts(loop->listen().c_str());
  std::fflush(stdout);
  loop->run();
}

std::string Receiver::url(std::size_t host) const {
  return (tls_ ? "https://" : "http://") + hosts_[host % hosts_.size()];
}

std::string Receiver::ca_file() const {
  return tls_ ? dir_.sub(kCertificate) : "";
}

void Receiver::reset() {
  tally_->requests = 0;
  tally_->arrival_count = 0;
}

void Receiver::wait_for(std::uint64_t requests) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (tally_->requests < requests) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("only " + std::to_string(tally_->requests) + " of " +
                               std::to_string(requests) + " requests came");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

double Receiver::cpu_seconds() const {
  return cpu_seconds_of(process_->pid());
}

double cpu_seconds_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // After the name, which may hold anything: field 3 is the state, 14 and 15 the times.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace rhooks::bench
