#include "delivery/request_builder.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/iso8601.h"
#include "base/utf8.h"
#include "delivery/flatten.h"
#include "delivery/multipart.h"
#include "model/headers.h"
#include "model/limits.h"
#include "model/record.h"
#include "model/url.h"
#include "model/webhook_id.h"
#include "signing/webhook.h"

namespace rhooks::delivery {
namespace {

// What logs show of a header that a secret made.
constexpr std::string_view kRedacted = "[redacted]";

constexpr std::string_view kUserAgent = "rhooks/" RHOOKS_VERSION;

// Of `Header` or `const Header`.
template <typename H>
H* find_header(std::span<H> headers, std::string_view name) {
  const auto it = std::find_if(headers.begin(), headers.end(), [&](const Header& header) {
    return equal_in_any_case(header.name, name);
  });
  return it == headers.end() ? nullptr : &*it;
}

// Registration refuses them; a task that was stored before it did must not send them either.
bool is_reserved(const Header& header) {
  return model::reserved_because(header.name) != nullptr;
}

// Spaces around a value are no part of it (RFC 9110, section 5.5). Receivers of HTTP/2 drop a
// header that is sent with them (RFC 9113, section 8.2.1).
void trim_value(Header& header) {
  const auto value = trim(header.value, " \t");
  if (value.size() != header.value.size()) header.value = std::string(value);
}

// "Text/XML; charset=utf-8" -> "Text/XML"
std::string_view media_type(const Header* content_type) {
  if (!content_type) return {};
  const std::string_view value = content_type->value;
  return trim(value.substr(0, value.find(';')), " \t");
}

bool is_form(std::string_view type) {
  return equal_in_any_case(type, "application/x-www-form-urlencoded");
}
bool is_multipart(std::string_view type) {
  return equal_in_any_case(type, "multipart/form-data");
}

bool carries_body(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}

// A URL cut in two. It is cut as text, so that what was registered is sent byte for byte.
struct Url {
  std::string before_query;  // scheme, host and path
  std::optional<std::string> query;

  std::string text() const { return query ? before_query + '?' + *query : before_query; }
};

Url cut(std::string_view text) {
  // A fragment is for the reader of a page; it is never sent.
  const auto whole = text.substr(0, text.find('#'));
  const auto mark = whole.find('?');
  Url url;
  url.before_query = whole.substr(0, mark);
  if (mark != std::string_view::npos) url.query = whole.substr(mark + 1);
  const auto authority = url.before_query.find("//") + 2;
  if (url.before_query.find('/', authority) == std::string::npos) url.before_query += '/';
  return url;
}

void add_to_query(Url& url, std::string_view more) {
  std::string query = url.query.value_or("");
  if (!query.empty() && query.back() != '&') query += '&';
  query += more;
  url.query = std::move(query);
}

// `rest`: what comes behind the URL. It cannot lead to another host.
Url joined(Url url, std::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  const auto mark = std::min(rest.find('?'), rest.size());
  if (mark > 0 && url.before_query.back() == '/') url.before_query.pop_back();
  url.before_query += rest.substr(0, mark);
  if (mark + 1 < rest.size()) add_to_query(url, rest.substr(mark + 1));
  return url;
}

// Registration checks URLs, by the rules of its version.
Result<Url> url_for(const Task& task, const Endpoint* endpoint) {
  const std::string& own = task.request.url;
  auto ok = model::validate_url(endpoint ? endpoint->url : own);
  if (ok && endpoint) ok = model::validate_url_rest(own);
  if (!ok) return fail(ok.error().code, std::move(ok.error().message), "url");
  return endpoint ? joined(cut(endpoint->url), own) : cut(own);
}

// A header of the task takes the place of those of its name.
void add_headers_of_endpoint(Request& request, const std::vector<Header>& more) {
  const std::size_t own = request.headers.size();
  for (const Header& header : more) {
    if (find_header(std::span(request.headers).first(own), header.name)) continue;
    request.headers.push_back(header);
  }
}

Result<void> put_in_query(Url& url, Body& body) {
  if (body.kind() == Body::Kind::kNone) return {};
  if (body.kind() == Body::Kind::kText) {
    return fail(ErrorCode::kInvalidArgument,
                "GET, DELETE and HEAD send no body: give a JSON object, which becomes the query "
                "string, or use POST, PUT or PATCH",
                "body");
  }
  auto members = query_of_json(body, model::kSentUrlBytesMax);
  if (!members) return tl::make_unexpected(std::move(members.error()));
  body = {};
  if (members->empty()) return {};
  add_to_query(url, *members);
  if (const auto size = url.text().size(); size > model::kSentUrlBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "the URL with the body as its query string has " + std::to_string(size) +
                    " bytes; at most " + std::to_string(model::kSentUrlBytesMax) +
                    " can be sent: use POST, PUT or PATCH",
                "body");
  }
  return {};
}

Result<void> put_in_body(HttpRequest& http) {
  auto& request = http.request;
  http.has_body = true;
  if (request.body.kind() == Body::Kind::kNone) return {};

  Header* const own = find_header(std::span(request.headers), "content-type");
  const bool is_text = request.body.kind() == Body::Kind::kText;
  const auto type = media_type(own);

  if (!is_text && is_form(type)) {
    auto form = form_of_json(request.body, model::kBodyBytesMax);
    if (!form) return tl::make_unexpected(std::move(form.error()));
    request.body = Body::text(std::move(*form));
  } else if (!is_text && is_multipart(type)) {
    auto parts = fields_of_json(request.body, model::kBodyBytesMax);
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    if (parts->empty()) {
      return fail(ErrorCode::kInvalidArgument, "a multipart form needs at least one field", "body");
    }
    for (const FormPart& part : *parts) {
      // Of many receivers a name ends there.
      if (part.name.find('\0') != std::string::npos) {
        return fail(ErrorCode::kInvalidArgument,
                    "the body's member \"" + one_line(part.name, 64) +
                        "\" has the character U+0000 in its name, which the name of a multipart "
                        "field cannot have",
                    "body");
      }
    }
    MultipartForm form = encode_multipart(*parts);
    http.wire_body = std::move(form.body);
    own->value = std::move(form.content_type);
    return {};
  } else if (!own) {
    request.headers.push_back(
        {"content-type", is_text ? "text/plain; charset=utf-8" : "application/json"});
  }
  http.wire_body = request.body.data();
  return {};
}

void add_secret(HttpRequest& http, std::string_view name, std::string value) {
  model::remove_header(http.request.headers, name);
  http.request.headers.push_back({std::string(name), std::string(kRedacted)});
  http.secret_headers.push_back({std::string(name), std::move(value)});
}

}  // namespace

Result<HttpRequest> build_request(const Task& task, TimePoint now, const Endpoint* endpoint,
                                  const secrets::Credentials& credentials) {
  HttpRequest http;
  auto& request = http.request;
  http.timeout = task.timeout;
  request = task.request;
  if (endpoint) {
    if (!http.timeout) http.timeout = endpoint->timeout;
    add_headers_of_endpoint(request, endpoint->headers);
  }
  std::erase_if(request.headers, is_reserved);
  std::for_each(request.headers.begin(), request.headers.end(), trim_value);

  auto url = url_for(task, endpoint);
  if (!url) return tl::make_unexpected(std::move(url.error()));
  auto placed = carries_body(request.method) ? put_in_body(http) : put_in_query(*url, request.body);
  if (!placed) return tl::make_unexpected(std::move(placed.error()));
  request.url = url->text();

  std::string id = model::webhook_id(task);
  std::string at = signing::to_timestamp(now);
  if (credentials.signing) {
    add_secret(http, signing::kSignatureHeader,
               signing::signatures(credentials.signing->keys(now), id, at, http.wire_body));
  }
  if (credentials.auth) {
    add_secret(http, model::kAuthorization, std::string(credentials.auth->authorization()));
  }
  request.headers.push_back({std::string(signing::kIdHeader), std::move(id)});
  request.headers.push_back({std::string(signing::kTimestampHeader), std::move(at)});
  request.headers.push_back({"rhooks-scheduled-at", format_time(model::nominal_date(task))});
  if (!find_header(std::span(request.headers), "user-agent")) {
    request.headers.push_back({"user-agent", std::string(kUserAgent)});
  }
  return http;
}

Result<void> check_body_fits(const Request& request) {
  if (carries_body(request.method)) {
    if (request.body.kind() != Body::Kind::kJson) return {};
    const Header* const own = find_header(std::span(request.headers), "content-type");
    const auto type = media_type(own);
    if (!is_form(type) && !is_multipart(type)) return {};
    HttpRequest http;
    http.request = request;
    return put_in_body(http);
  }
  Url url = cut(request.url);
  Body body = request.body;
  return put_in_query(url, body);
}

}  // namespace rhooks::delivery
