#include "net/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "net/own_listeners.h"

namespace rhooks::net {
namespace {

// Whether the socket's own end is that one. Also false of what is no socket.
bool has_local_end(int fd, std::string_view ip, int port) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return false;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    return ntohs(v4.sin_port) == port &&
           ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size()) && ip == text.data();
  }
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    return ntohs(v6.sin6_port) == port &&
           ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size()) && ip == text.data();
  }
  return false;
}

const curl_tlssessioninfo* tls_of(CURL* easy) {
  curl_tlssessioninfo* info = nullptr;
  curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info);
  return info && info->internals ? info : nullptr;
}

bool speaks_http2(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

// Of those that arrive on a connection while it carries a request, every so many are looked at:
// libcurl reads up to some hundred KiB at each.
constexpr unsigned kArrivalsPerLook = 4;

constexpr int kHttp2SendsMax = 2;

// Since it was opened; none: the system does not tell.
std::optional<std::uint64_t> bytes_received(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

std::optional<egress::End> Sockets::Ends::other() const {
  const auto address = egress::parse_ip(ip);
  if (!address) return std::nullopt;
  return egress::End{*address, static_cast<std::uint16_t>(port)};
}

std::uint32_t Sockets::Ends::ports() const {
  return static_cast<std::uint32_t>(local_port) << 16 | static_cast<std::uint32_t>(port);
}

void Sockets::Transfer::clear() {
  opened.clear();
  sends = 0;
  cut_off = CutOff::kNot;
  not_allowed = {};
  allowed = false;
  target.reset();
  addresses.reset();
}

Result<std::unique_ptr<Sockets>> Sockets::create(std::uint64_t intake_max,
                                                 std::shared_ptr<const egress::Policy> egress) {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::array<int, 2> pair = {-1, -1};
  if (epoll.get() < 0 ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
    return fail(ErrorCode::kUnavailable,
                "no descriptor for sending requests: " + std::generic_category().message(errno));
  }
  ::close(pair[1]);
  return std::unique_ptr<Sockets>(
      new Sockets(std::move(epoll), Descriptor(pair[0]), intake_max, std::move(egress)));
}

void Sockets::set_up(Transfer& transfer) {
  curl_easy_setopt(transfer.easy, CURLOPT_OPENSOCKETFUNCTION, &Sockets::on_open);
  curl_easy_setopt(transfer.easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(transfer.easy, CURLOPT_CLOSESOCKETFUNCTION, &Sockets::on_close);
  curl_easy_setopt(transfer.easy, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(transfer.easy, CURLOPT_PREREQFUNCTION, &Sockets::on_request);
  curl_easy_setopt(transfer.easy, CURLOPT_PREREQDATA, &transfer);
}

// A connection is waited for during each of its requests and for nothing between them. Epoll
// is told so only when something comes meanwhile (take_idle_event), which is seldom: so a
// request on a connection that is there already costs no call to change what is waited for.
void Sockets::set_interest(int fd, int what) {
  Socket& one = socket(fd);
  if (what == CURL_POLL_REMOVE) {
    one.wanted = 0;
    if (!one.ours) forget(fd);
    return;
  }
  one.wanted = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (one.told == one.wanted) return;
  watch(one.told == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, one.wanted);
  one.told = one.wanted;
}

// Not at the first few, which are all that most answers take: the look costs a call.
void Sockets::take_input_event(int fd) {
  Socket& one = socket(fd);
  if (++one.arrivals % kArrivalsPerLook != 0) return;
  const auto received = bytes_received(fd);
  if (!received) return;
  if (one.arrivals == kArrivalsPerLook) {
    one.received = *received;
    if (!one.http2) one.requests = 1;  // those of HTTP/2 are counted as they begin
  } else if (*received - one.received > one.requests * intake_max_) {
    if (one.transfer) one.transfer->cut_off = CutOff::kTooMuch;
    // Closed by a reset: the other side would otherwise wait for room, and go on for a minute.
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::shutdown(fd, SHUT_RDWR);  // libcurl finds out
  }
}

// With HTTP/2 others may be under way on it: each is good for as much.
void Sockets::begin_request(int fd, Transfer& transfer) {
  Socket& one = socket(fd);
  if (one.http2) {
    ++one.requests;
    one.transfer = nullptr;
  } else {
    one.arrivals = 0;
    one.transfer = &transfer;
  }
}

void Sockets::take_idle_event(int fd) {
  const Socket& one = socket(fd);
  // What is not buried libcurl looks at when it needs it.
  if (one.known && !one.http2 && has_input(fd, nullptr)) return bury(fd);
  forget(fd);
}

void Sockets::watch(int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  int result = ::epoll_ctl(epoll_.get(), operation, fd, &event);
  // One of libcurl's own that was closed and opened again behind our back.
  if (result != 0 && errno == EEXIST) {
    result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  } else if (result != 0 && errno == ENOENT) {
    result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  // Where the system refuses (its limit of watches), the transfer ends by its time-out.
  (void)result;
}

// A transfer is cut off where that holds of all addresses which libcurl tried: of what becomes of
// those that are allowed it is not the cause.
bool Sockets::may_lead_to(Transfer& transfer, const std::optional<egress::End>& end) const {
  std::optional<std::string_view> why;
  if (!end) {
    why = egress::refusal::kNoIp;
  } else if (is_own_listener(*end)) {
    why = egress::refusal::kOwnListener;
  } else if (transfer.target && egress_) {
    why = egress_->refuses(*transfer.target, end->ip);
  }
  if (!why) {
    transfer.allowed = true;
    if (transfer.cut_off == CutOff::kNotAllowed) transfer.cut_off = CutOff::kNot;
    return true;
  }
  if (!transfer.allowed && transfer.cut_off == CutOff::kNot) {
    transfer.cut_off = CutOff::kNotAllowed;
    transfer.not_allowed = {*why, end ? end->ip : egress::Ip{}};
  }
  return false;
}

curl_socket_t Sockets::on_open(void* data, curlsocktype, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(data);
  if (!transfer.sockets->may_lead_to(transfer, egress::end_of(address->addr))) {
    return CURL_SOCKET_BAD;
  }
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  transfer.sockets->unlearn(fd);
  Socket fresh;
  fresh.ours = true;
  transfer.sockets->socket(fd) = fresh;
  transfer.opened.push_back(fd);
  return fd;
}

int Sockets::on_close(void* self, curl_socket_t fd) noexcept {
  auto& sockets = *static_cast<Sockets*>(self);
  sockets.unlearn(fd);
  sockets.socket(fd) = {};
  return ::close(fd);
}

// The connection is chosen, and nothing of the request is written yet.
int Sockets::on_request(void* data, char* ip, char* local_ip, int port, int local_port) noexcept {
  auto& transfer = *static_cast<Transfer*>(data);
  Sockets& self = *transfer.sockets;
  const Ends ends{local_ip, ip, local_port, port};
  transfer.allowed = false;  // that is up to this connection
  if (!self.may_lead_to(transfer, ends.other())) return CURL_PREREQFUNC_ABORT;
  int fd = self.find(ends);
  if (fd < 0) {
    // Its first request. One that we cannot find again carries no other.
    if (!self.learn(transfer, ends)) curl_easy_setopt(transfer.easy, CURLOPT_FORBID_REUSE, 1L);
    fd = self.find(ends);
  } else if (!self.socket(fd).http2 && self.has_input(fd, transfer.easy)) {
    self.bury(fd);
    transfer.allowed = false;  // that is up to the one in its place
    // To libcurl a connection that it may replace, which it does a few times only: by a new one,
    // since others that are kept may be no better.
    curl_easy_setopt(transfer.easy, CURLOPT_FRESH_CONNECT, 1L);
    return CURL_PREREQFUNC_OK;
  }
  // What a receiver refused it did not look at (RFC 9113 section 8.7), and libcurl asks again, up
  // to five times. One that always refuses is to be asked again later.
  if (fd >= 0 && self.socket(fd).http2 && transfer.sends >= kHttp2SendsMax) {
    transfer.cut_off = CutOff::kRefused;
    return CURL_PREREQFUNC_ABORT;
  }
  if (fd >= 0) self.begin_request(fd, transfer);
  transfer.opened.clear();
  ++transfer.sends;
  return CURL_PREREQFUNC_OK;
}

Sockets::Socket& Sockets::socket(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (sockets_.size() <= index) sockets_.resize(index + 1);
  return sockets_[index];
}

// Which connection it is that has those ends, or -1: libcurl names no descriptor before a transfer
// has ended.
int Sockets::find(const Ends& ends) const {
  const auto [from, to] = known_.equal_range(ends.ports());
  for (auto at = from; at != to; ++at) {
    const Socket& one = sockets_[static_cast<std::size_t>(at->second)];
    if (one.local_ip == ends.local_ip && one.ip == ends.ip) return at->second;
  }
  return -1;
}

bool Sockets::learn(const Transfer& transfer, const Ends& ends) {
  for (const int fd : transfer.opened) {
    // Of several that raced for it, the others are closed, and may be something else by now.
    if (!socket(fd).ours || !has_local_end(fd, ends.local_ip, ends.local_port)) continue;
    const curl_tlssessioninfo* const tls = tls_of(transfer.easy);
    // Only of OpenSSL it can be told whether it has read more than was asked of it.
    if (tls && tls->backend != CURLSSLBACKEND_OPENSSL) return false;
    Socket& one = socket(fd);
    one.known = true;
    one.tls = tls != nullptr;
    one.http2 = tls && speaks_http2(static_cast<const SSL*>(tls->internals));
    one.local_ip = ends.local_ip;
    one.ip = ends.ip;
    one.ports = ends.ports();
    known_.emplace(one.ports, fd);
    return true;
  }
  return false;
}

void Sockets::unlearn(int fd) {
  Socket& one = socket(fd);
  if (!std::exchange(one.known, false)) return;
  const auto [from, to] = known_.equal_range(one.ports);
  for (auto at = from; at != to; ++at) {
    if (at->second == fd) return void(known_.erase(at));
  }
}

// Whether anything of the connection waits to be read, or it is closed. Without the handle that is
// about to use it: but for what TLS has read already.
bool Sockets::has_input(int fd, CURL* easy) {
  const curl_tlssessioninfo* const tls = easy && socket(fd).tls ? tls_of(easy) : nullptr;
  if (tls) {
    const auto* const ssl = static_cast<const SSL*>(tls->internals);
    if (SSL_pending(ssl) > 0 || SSL_has_pending(ssl)) return true;
  }
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
         (errno != EAGAIN && errno != EWOULDBLOCK);
}

void Sockets::bury(int fd) {
  unlearn(fd);
  forget(fd);
  int result = 0;
  do {
    result = ::dup3(dead_.get(), fd, O_CLOEXEC);
  } while (result < 0 && (errno == EINTR || errno == EBUSY));
  RHOOKS_CHECK(result == fd);
}

void Sockets::forget(int fd) {
  // One of libcurl's own may be closed already, which removed it.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  socket(fd).told = 0;
}

}  // namespace rhooks::net
