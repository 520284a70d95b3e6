// Clients that break the rules of HTTP or of the API, against the real server: each gets the
// right refusal, and nobody else notices.
#include "tests/bad_clients_fixture.h"

namespace rhooks::testing {
namespace {

using namespace std::chrono_literals;

std::string post(const std::string& headers, const std::string& rest) {
  return kRegisterLine + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + rest;
}
std::string chunked(const std::string& rest) {
  return post("Transfer-Encoding: chunked\r\n", rest);
}
// What an attacker wants to slip past a proxy: it would be answered 200.
const std::string kSmuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(BadClientsTest, HugeHeads) {
  expect_refused("GET /" + std::string(70'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431);
  expect_refused(request_text("GET /healthz", "Big: " + std::string(1 << 20, 'a') + "\r\n"), 431);
  expect_refused(request_text("GET /healthz", std::string(1 << 20, 'a') + ": b\r\n"), 431);
  expect_refused(std::string(1 << 20, 'A'), 431);
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += "N: v\r\n";
  expect_refused(request_text("GET /healthz", many), 431);
  std::string folded = "A: b\r\n";
  for (int i = 0; i < 10'000; ++i) folded += " c\r\n";
  expect_refused(request_text("GET /healthz", folded), 431);
  expect_answer(request_text("GET /" + std::string(20'000, '/')), {404});
  expect_answer(request_text("GET /healthz?" + std::string(20'000, '&')), {200});
  std::string pairs = "?a=1";
  for (int i = 0; i < 5'000; ++i) pairs += "&a=1";
  expect_answer(request_text("GET /v1/namespaces/bad/tasks" + pairs), {400});
}

TEST_F(BadClientsTest, TruncatedRequests) {
  const std::string whole =
      request_text(kRegisterLine, "Content-Type: application/json\r\n", R"({"url":"http://x.y/"})");
  // Closed, half-closed and reset after each byte but the last.
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Client closed(port());
    closed.send(whole.substr(0, length));
    closed.close();
    Client was_reset(port());
    was_reset.send(whole.substr(0, length));
    was_reset.reset();
    Client half(port());
    half.send(whole.substr(0, length));
    half.finish_sending();
    const Reply reply = half.receive();
    EXPECT_EQ(reply.status, length == 0 ? 0 : 400) << length;
    EXPECT_TRUE(half.closed_by_server());
  }
  expect_refused(post("Content-Length: 1000000\r\n", "{"), 400, true);
  expect_refused(chunked("5\r\nhe"), 400, true);
  expect_refused(chunked("2\r\n{}\r\n0\r\n"), 400, true);
  // All was sent before the half-close: that is a request.
  Client whole_client(port());
  whole_client.send(request_text("GET /healthz"));
  whole_client.finish_sending();
  EXPECT_EQ(whole_client.receive().status, 200);
}

TEST_F(BadClientsTest, PipelinedRequestsAreAnsweredInOrder) {
  constexpr int kRequests = 100;
  Client client(port());
  std::string text;
  for (int i = 0; i < kRequests; ++i) {
    // Different answers from different places: from the network thread, and from handlers.
    text += i % 3 == 0 ? request_text("GET /healthz")
                       : request_text("GET /v1/namespaces/none/tasks/" + std::to_string(i));
  }
  ASSERT_TRUE(client.send(text));
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_EQ(client.receive().status, i % 3 == 0 ? 200 : 404) << i;
  }
  // What the request itself can tell its client leaves the connection usable; what makes the
  // next request's beginning uncertain does not.
  Client mixed(port());
  mixed.send(request_text(kRegisterLine, {}, "{") + kSmuggled);
  EXPECT_EQ(mixed.receive().status, 400);
  EXPECT_EQ(mixed.receive().status, 200);
  expect_refused(post("Content-Length: 1000000000\r\n", kSmuggled), 413);
  expect_refused("BROKEN\r\n\r\n" + kSmuggled, 400);
  expect_refused(request_text("GET /healthz", "Expect: tea\r\n") + kSmuggled, 417);
  // The route takes no such body; it is not to be read as a request.
  expect_refused(request_text("POST /v1/trigger", "Content-Length: 70000\r\n") + kSmuggled, 413);
  Client unread_body(port());
  unread_body.send(request_text("POST /nowhere", {}, kSmuggled) + kSmuggled);
  EXPECT_EQ(unread_body.receive().status, 404);
  EXPECT_TRUE(unread_body.closed_by_server());
}

TEST_F(BadClientsTest, WrongContentLengths) {
  // RFC 9112 sections 6.3 and 11.2.
  for (const std::string length :
       {"-1", "+5", "0x5", "5a", "5 5", "", ",", "5,", "5,6", "1e3", "5.0", "\"5\"", "５",
        "18446744073709551616", "99999999999999999999999999"}) {
    expect_refused(post("Content-Length: " + length + "\r\n", "hello" + kSmuggled), 400);
  }
  expect_refused(post("Content-Length: 18446744073709551615\r\n", kSmuggled), 413);
  expect_refused(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello" + kSmuggled), 400);
  expect_refused(post("Content-Length: 5\r\ncontent-length: 0\r\n", "hello" + kSmuggled), 400);
  expect_refused(post("Content-Length : 5\r\n", "hello" + kSmuggled), 400);
  expect_refused(post(" Content-Length: 5\r\n", "hello" + kSmuggled), 400);
  expect_refused(post("A: b\r\n\tContent-Length: 5\r\n", "hello" + kSmuggled), 400);
  expect_refused(post("Content-Length:\r\n 5\r\n", "hello" + kSmuggled), 400);
  expect_refused(post("Content-Length\r\n", "hello" + kSmuggled), 400);
  // Too small: what is left is no request. Too large: it never ends.
  Client small(port());
  small.send(post("Content-Length: 2\r\n", R"({"url":"http://x.y/"})"));
  EXPECT_EQ(small.receive().status, 400);
  small.send("\r\n\r\n");
  EXPECT_EQ(small.receive().status, 400);
  EXPECT_TRUE(small.closed_by_server());
  expect_refused(post("Content-Length: 500\r\n", R"({"url":"http://x.y/"})"), 400, true);
}

TEST_F(BadClientsTest, SmugglingByTransferEncoding) {
  const std::string tail = "0\r\n\r\n" + kSmuggled;
  for (const std::string headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n", "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
        "Transfer-Encoding: chunked\x01\r\n", "Transfer-Encoding:\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n", "X: y\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding\r\n : chunked\r\n"}) {
    expect_refused(post(headers, tail), 400);
  }
  for (const std::string headers :
       {"Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked;x=y\r\n",
        "Transfer-Encoding: ,chunked\r\n", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n"}) {
    SCOPED_TRACE(headers);
    Client client(port());
    client.send(post(headers, tail));
    const int status = client.receive().status;
    EXPECT_TRUE(status == 501 || status == 400) << status;
    EXPECT_TRUE(client.closed_by_server());
  }
  expect_refused(kRegisterLine + " HTTP/1.0\r\nHost: localhost\r\n" +
                     "Transfer-Encoding: chunked\r\n\r\n" + tail,
                 400);
}

TEST_F(BadClientsTest, BadChunks) {
  for (const std::string body :
       {"-1\r\n", "0x2\r\n{}\r\n0\r\n\r\n", "1_0\r\n", "\r\n\r\n", "g\r\n", "2 \r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n", "2\n{}\n0\n\n", "2\r\n{}0\r\n\r\n", "2\r\n{}}\r\n0\r\n\r\n",
        "3\r\n{}\r\n0\r\n\r\n", "2;\nxx\r\n{}\r\n0\r\n\r\n", "2;a\rb\r\n{}\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n", "10000000000000000\r\n", "2\r\n{}\r\n0\r\n\rx: b\r\n\r\n",
        "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", "2\r\n{}\r\n0\r\nno colon\r\n\r\n",
        "2\r\n{}\r\n0\r\na: b\nc: d\r\n\r\n"}) {
    expect_refused(chunked(body + kSmuggled), 400);
  }
  for (const std::string size : {"ffffffffffffffff", "7fffffffffffffff", "100001", "80000000"}) {
    expect_refused(chunked(size + "\r\n" + kSmuggled), 413);
  }
  // Without end: extensions, the size itself, trailers, and chunks.
  expect_refused(chunked("2;" + std::string(1 << 20, 'x')), 400);
  expect_refused(chunked("2" + std::string(1 << 20, ' ')), 400);
  expect_refused(chunked(std::string(1 << 20, '0')), 400);
  expect_refused(chunked("2\r\n{}\r\n0\r\nT: " + std::string(1 << 20, 'x')), 400);
  std::string trailers;
  for (int i = 0; i < 200'000; ++i) trailers += "T: x\r\n";
  expect_refused(chunked("2\r\n{}\r\n0\r\n" + trailers), 400);
  std::string chunks;
  for (int i = 0; i < 1'100'000; ++i) chunks += "1\r\n[\r\n";
  expect_refused(chunked(chunks), 413);
  // Slow, and right: byte by byte.
  Client slow(port());
  slow.send(chunked({}));
  for (const char c : std::string("2;a=b\r\n{}\r\n0\r\nT: x\r\n\r\n")) {
    slow.send({&c, 1});
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(slow.receive().status, 400);  // the url is missing
  slow.send(kSmuggled);
  EXPECT_EQ(slow.receive().status, 200);
}

TEST_F(BadClientsTest, BadRequestLines) {
  const std::string host = "\r\nHost: localhost\r\n\r\n";
  for (const std::string line :
       {"GET /healthz", "GET", "", " GET /healthz HTTP/1.1", "GET  /healthz HTTP/1.1",
        "GET\t/healthz HTTP/1.1", "GET healthz HTTP/1.1", "GET localhost:80 HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1", "GET ftp://localhost/healthz HTTP/1.1",
        "GET /healthz#x HTTP/1.1", "GET /%zz HTTP/1.1", "GET /%2 HTTP/1.1", "GET /?a=%f HTTP/1.1",
        "G(T /healthz HTTP/1.1"}) {
    // An empty line before a request is passed over; then there is none before the headers.
    expect_refused(line + host, 400);
  }
  for (const std::string line :
       {"GET /healthz  HTTP/1.1", "GET /heal thz HTTP/1.1", "GET /healthz\tHTTP/1.1"}) {
    expect_answer(line + host, {400, 505});
  }
  expect_refused(std::string("G\0T /healthz HTTP/1.1", 21) + host, 400);
  expect_refused(std::string("GET /heal\0thz HTTP/1.1", 22) + host, 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: local\x01host\r\n\r\n", 400);
  expect_refused(std::string("GET /healthz HTTP/1.1\r\nHost: a\0b\r\n\r\n", 36), 400);
  for (const std::string version : {"HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTQ/1.1"}) {
    expect_refused("GET /healthz " + version + host, 505);
  }
  // Lines that end in a lone CR or LF.
  expect_refused("GET /healthz HTTP/1.1\nHost: localhost\n\n", 505);
  expect_refused("GET /healthz HTTP/1.1\rHost: localhost\r\r", 505);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n\r\n", 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\r\r\n\r\n", 400);
  // HTTP/2, TLS.
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  expect_refused(
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\x7f'),
      400);
  // Which host is meant is not clear.
  expect_refused("GET /healthz HTTP/1.1\r\n\r\n", 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400);
}

TEST_F(BadClientsTest, OddRequestsThatAreAllowed) {
  expect_answer("\r\n\r\n\r\n" + request_text("GET /healthz"), {200});
  expect_answer(request_text("GET http://localhost/healthz"), {200});
  expect_answer(request_text("GET http://evil.example/healthz"), {200});
  expect_answer(request_text("OPTIONS *"), {204});
  expect_answer(request_text("GET *"), {404});
  expect_answer(request_text("TRACE /healthz", "Secret: x\r\n"), {405});
  expect_answer(request_text("TRACE /"), {404});
  expect_answer(request_text("BREW /healthz"), {405});
  expect_answer(request_text("GET /healthz",
                             "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                             "HTTP2-Settings: AAMAAABkAAQ\r\n"),
                {200});
  expect_answer(request_text("GET /healthz", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
                {200});
  expect_answer(request_text("GET /v1/namespaces/x/tasks/../../../../etc/passwd"), {404});
  expect_answer(request_text("GET /v1/namespaces/x/tasks/%2e%2e%2fetc"), {404});
}

TEST_F(BadClientsTest, ExpectationsAbused) {
  // Asked for, and then not sent: a thousand of them hold nothing that others need.
  std::vector<Client> waiting;
  for (int i = 0; i < 1'000; ++i) {
    waiting.emplace_back(port()).send(request_text(
        "POST /v1/tasks/batch", "Expect: 100-continue\r\nContent-Length: 16777216\r\n"));
  }
  while_served([&] {
    for (Client& client : waiting) EXPECT_EQ(client.receive().status, 100);
  });
  waiting.clear();
  expect_answer(request_text(kRegisterLine, "Expect: 100-continue\r\n", "{}"), {400});
  expect_answer(request_text("GET /healthz", "Expect: 100-continue\r\n"), {200});
  Client refused(port());
  refused.send(post("Expect: 100-continue\r\nContent-Length: 9000000\r\n", {}));
  EXPECT_EQ(refused.receive().status, 413);  // and not 100 first
  EXPECT_TRUE(refused.closed_by_server());
  Client twice(port());
  twice.send(post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", {}));
  EXPECT_EQ(twice.receive().status, 100);
  twice.send("{}");
  EXPECT_EQ(twice.receive().status, 400);
}

TEST_F(BadClientsTest, TextThatIsNoUtf8) {
  const std::string field = R"({"url":"http://127.0.0.1:9/","id":")";
  for (const std::string bad :
       {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\\ud800",
        "\\udc00\\ud800", "\\u0000", "\\x41", "\x01", "\x7f\x80"}) {
    expect_answer(request_text(kRegisterLine, {}, field + bad + "\"}"), {400});
    expect_answer(request_text(kRegisterLine, {}, R"({"url":"http://127.0.0.1:9/)" + bad + "\"}"),
                  {400});
    expect_answer(request_text(kRegisterLine, {}, R"({")" + bad + R"(":1})"), {400});
  }
  expect_answer(request_text(kRegisterLine, {}, std::string("{\"url\":\"http://x.y/\0\"}", 22)),
                {400});
  expect_answer(request_text(kRegisterLine, {}, "\xef\xbb\xbf{}"), {400});
  for (const std::string name : {"%ff", "%c0%80", "%ed%a0%80", "%00", "a%00b", "%0d%0a", "\xff"}) {
    expect_answer(request_text("GET /v1/namespaces/" + name + "/tasks"), {400});
    expect_answer(request_text("GET /v1/namespaces/x/tasks/" + name), {400});
    expect_answer(request_text("DELETE /v1/namespaces/" + name), {400});
    expect_answer(request_text("POST /v1/namespaces/x/tasks/" + name + "/trigger"), {400});
    expect_answer(request_text("GET /v1/namespaces/" + name + "/logs"), {400});
    expect_answer(request_text("GET /v1/namespaces/x/tasks?" + name + "=1"), {400});
    expect_answer(request_text("GET /v1/namespaces/x/tasks?startKey=" + name), {400});
    expect_answer(request_text("GET /v1/namespaces/x/tasks?status=" + name), {400});
    expect_answer(request_text("GET /v1/namespaces/x/tasks?id=" + name), {200, 400});
  }
  expect_answer(request_text(kRegisterLine, "Idempotency-Key: \xff\xfe\r\n",
                             R"({"url":"http://127.0.0.1:9/"})"),
                {400});
}

TEST_F(BadClientsTest, MonstrousJson) {
  constexpr std::size_t kDeep = 100'000;
  const std::string url = R"({"url":"http://127.0.0.1:9/","method":"POST",)";
  const auto refused = [this](const std::string& body, std::set<int> statuses = {400}) {
    expect_answer(request_text(kRegisterLine, {}, body), statuses);
  };
  refused(std::string(kDeep, '['));
  refused(std::string(kDeep, '[') + std::string(kDeep, ']'));
  refused(url + "\"body\":" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}");
  std::string objects;
  for (std::size_t i = 0; i < kDeep; ++i) objects += "{\"a\":";
  refused(objects);
  refused(url + "\"retryLimit\":" + std::string(kDeep, '9') + "}");
  refused(url + "\"retryLimit\":1e999999999}");
  refused(url + "\"retryLimit\":-0.5}");
  refused(url + "\"retryLimit\":NaN}");
  refused(url + "\"scheduledDate\":" + std::string(kDeep, '1') + "}");
  refused(url + R"("repeat":{"interval":1e308,"unit":"days","max":0}})");
  refused(R"({"url":"http://127.0.0.1:9/a","url":"http://127.0.0.1:9/b"})");
  refused(url + R"("url":"http://127.0.0.1:9/b"})");
  refused("{" + std::string(1'000'000, ' '));
  refused("\"" + std::string(1'000'000, '\\') + "\"");
  refused(std::string(1'048'577, ' '), {413});
  refused("[]");
  refused("null");
  refused("{}{}");
  std::string names = "{";
  for (int i = 0; i < 50'000; ++i) names += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  refused(names + "}");
  // The largest that is read: nothing but '[', items without end, and names without end.
  const auto batch = [this](const std::string& body, int status) {
    expect_answer(request_text("POST /v1/tasks/batch", {}, body), {status});
  };
  constexpr std::size_t kMost = 16u << 20;
  batch(std::string(kMost, '['), 400);
  std::string items = R"({"items":[[])";
  while (items.size() < kMost - 16) items += ",[]";
  batch(items + "]}", 400);
  std::string keys = R"({"items":[{"":0)";
  for (int i = 0; keys.size() < kMost - 32; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  batch(keys + "}]}", 200);  // of this one item it is told that it is refused
}

}  // namespace
}  // namespace rhooks::testing
