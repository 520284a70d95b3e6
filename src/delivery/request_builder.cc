#include "delivery/request_builder.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/sha256.h"
#include "delivery/flatten.h"

namespace rhooks::delivery {
namespace {

constexpr std::string_view kUserAgent = "rhooks/" RHOOKS_VERSION;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Of `Header` or `const Header`.
template <typename H>
H* find_header(std::span<H> headers, std::string_view name) {
  const auto it = std::find_if(headers.begin(), headers.end(), [&](const Header& header) {
    return equal_ignoring_case(header.name, name);
  });
  return it == headers.end() ? nullptr : &*it;
}

// Headers that say how the message is framed belong to the sender, and webhook-* to this
// library. Registration refuses them; a task stored before it did must not send them either.
bool is_ours(const Header& header) {
  static constexpr std::string_view kOurs[] = {"webhook-id",
                                               "webhook-timestamp",
                                               "host",
                                               "content-length",
                                               "transfer-encoding",
                                               "connection",
                                               "keep-alive",
                                               "upgrade",
                                               "proxy-connection",
                                               "te",
                                               "trailer",
                                               "expect",
                                               "http2-settings"};
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [&](std::string_view name) { return equal_ignoring_case(header.name, name); });
}

// "Text/XML; charset=utf-8" -> "text/xml"
std::string media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const auto first = content_type.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  const auto last = content_type.find_last_not_of(" \t");
  std::string type(content_type.substr(first, last - first + 1));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  return type;
}

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kMultipart = "multipart/form-data";

bool carries_body(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}

// A URL cut in two. It is cut as text, so that what was registered is sent byte for byte.
struct Url {
  std::string before_query;  // scheme, host and path
  std::optional<std::string> query;

  std::string text() const { return query ? before_query + '?' + *query : before_query; }
};

Result<Url> parse_url(const std::string& text) {
  const auto refused = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why), "request.url");
  };
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return refused("the URL is malformed: " + parsed.error().message());
  if (parsed->scheme_id() != boost::urls::scheme::http &&
      parsed->scheme_id() != boost::urls::scheme::https) {
    return refused("the URL must begin with http:// or https://");
  }
  if (parsed->encoded_host().empty()) return refused("the URL names no host");
  // Boost 1.81 takes what follows a port's digits for a path, even without a slash.
  if (!parsed->encoded_path().empty() && parsed->encoded_path().front() != '/') {
    return refused("the URL has no path that begins with /");
  }

  // A fragment is for the reader of a page; it is never sent.
  const auto whole = std::string_view(text).substr(0, text.find('#'));
  const auto mark = whole.find('?');
  Url url;
  url.before_query = whole.substr(0, mark);
  if (mark != std::string_view::npos) url.query = whole.substr(mark + 1);
  const auto authority = url.before_query.find("://") + 3;
  if (url.before_query.find('/', authority) == std::string::npos) url.before_query += '/';
  return url;
}

Result<void> put_in_query(Url& url, Body& body) {
  if (body.kind == Body::Kind::kNone) return {};
  if (body.kind == Body::Kind::kText) {
    return fail(ErrorCode::kInvalidArgument,
                "GET, DELETE and HEAD send no body: give a JSON object, which becomes the query "
                "string, or use POST, PUT or PATCH",
                "request.body");
  }
  auto parts = flatten_json(body.data, "a query string");
  if (!parts) return tl::make_unexpected(std::move(parts.error()));
  body = {};
  if (parts->empty()) return {};
  std::string query = url.query.value_or("");
  if (!query.empty() && query.back() != '&') query += '&';
  query += url_encode(*parts, Encoding::kQuery);
  url.query = std::move(query);
  return {};
}

Result<void> put_in_body(HttpRequest& http) {
  auto& request = http.request;
  http.has_body = true;
  if (request.body.kind == Body::Kind::kNone) return {};

  Header* const own = find_header(std::span(request.headers), "content-type");
  const bool is_text = request.body.kind == Body::Kind::kText;
  const auto type = own ? media_type(own->value) : std::string();

  if (!is_text && type == kForm) {
    auto parts = flatten_json(request.body.data, "a form");
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    request.body = Body::text(url_encode(*parts, Encoding::kForm));
  } else if (!is_text && type == kMultipart) {
    auto parts = flatten_json(request.body.data, "a form");
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    if (parts->empty()) {
      return fail(ErrorCode::kInvalidArgument, "a multipart form needs at least one field",
                  "request.body");
    }
    http.multipart = std::move(*parts);
    // The boundary must not occur in the parts, so only the sender can choose it.
    own->value = kMultipart;
    return {};
  } else if (!own) {
    request.headers.push_back(
        {"content-type", is_text ? "text/plain; charset=utf-8" : "application/json"});
  }
  http.wire_body = request.body.data;
  return {};
}

}  // namespace

Result<HttpRequest> build_request(const Task& task, TimePoint now) {
  HttpRequest http;
  auto& request = http.request;
  request = task.request;
  std::erase_if(request.headers, is_ours);

  auto url = parse_url(request.url);
  if (!url) return tl::make_unexpected(std::move(url.error()));
  auto placed = carries_body(request.method) ? put_in_body(http) : put_in_query(*url, request.body);
  if (!placed) return tl::make_unexpected(std::move(placed.error()));
  request.url = url->text();

  request.headers.push_back({"webhook-id", webhook_id(task.key, task.scheduled_date)});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  request.headers.push_back({"webhook-timestamp", std::to_string(seconds)});
  if (!find_header(std::span(request.headers), "user-agent")) {
    request.headers.push_back({"user-agent", std::string(kUserAgent)});
  }
  return http;
}

Result<void> check_body_fits(const Request& request) {
  if (carries_body(request.method)) {
    if (request.body.kind != Body::Kind::kJson) return {};
    const Header* const own = find_header(std::span(request.headers), "content-type");
    const auto type = own ? media_type(own->value) : std::string();
    if (type != kForm && type != kMultipart) return {};
    HttpRequest http;
    http.request = request;
    return put_in_body(http);
  }
  Url url;
  Body body = request.body;
  return put_in_query(url, body);
}

std::string webhook_id(const TaskKey& key, TimePoint scheduled_date) {
  const auto hash = sha256({key.ns, key.id, std::to_string(to_millis(scheduled_date))});
  return "msg_" + to_hex(hash.data(), 16);
}

}  // namespace rhooks::delivery
