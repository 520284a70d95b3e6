#include "rest/http_message.h"

#include <algorithm>
#include <boost/url/pct_string_view.hpp>

#include "base/ascii.h"
#include "codec/public_json.h"

namespace rhooks::rest {

namespace {

// RFC 3986 section 2.1, checked by the library; a form's '+' is handled here because in a
// path it is a plus.
Result<std::string> decode(std::string_view text, bool plus_is_space) {
  if (text.find_first_of("%+") == std::string_view::npos) return std::string(text);
  const auto view = boost::urls::make_pct_string_view({text.data(), text.size()});
  if (!view) {
    return fail(ErrorCode::kInvalidArgument,
                "the request target has a '%' that is not followed by two hexadecimal digits; "
                "write a literal '%' as %25");
  }
  boost::urls::encoding_opts opts;
  opts.space_as_plus = plus_is_space;
  return view->decode(opts);
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const {
  for (const Header& h : headers) {
    if (equal_in_any_case(h.name, name)) return &h.value;
  }
  return nullptr;
}

Result<void> parse_target(HttpRequest& request) {
  request.path.clear();
  request.query.clear();
  request.authority.clear();
  std::string_view rest = request.target;
  if (rest == "*") return {};
  // RFC 9112 section 3.2.2: servers accept the absolute form, too.
  for (std::string_view scheme : {"http://", "https://"}) {
    if (rest.size() >= scheme.size() && equal_in_any_case(rest.substr(0, scheme.size()), scheme)) {
      rest.remove_prefix(scheme.size());
      const auto slash = rest.find_first_of("/?");
      request.authority = rest.substr(0, slash);
      if (request.authority.empty()) {
        return fail(ErrorCode::kInvalidArgument, "the request target names no host");
      }
      rest = slash == std::string_view::npos ? std::string_view("/") : rest.substr(slash);
      break;
    }
  }
  if (rest.empty() || (rest[0] != '/' && rest[0] != '?')) {
    return fail(ErrorCode::kInvalidArgument, "the request target must begin with '/'");
  }
  const auto fragment = rest.find('#');
  if (fragment != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "the request target contains '#'; write a literal '#' as %23");
  }
  const auto question = rest.find('?');
  std::string_view path = rest.substr(0, question);
  if (!path.empty()) path.remove_prefix(1);
  while (!path.empty() || !request.path.empty()) {
    const auto slash = path.find('/');
    auto segment = decode(path.substr(0, slash), false);
    if (!segment) return fail(std::move(segment.error()));
    request.path.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  if (question == std::string_view::npos) return {};

  std::string_view query = rest.substr(question + 1);
  while (!query.empty()) {
    const auto amp = query.find('&');
    const std::string_view pair = query.substr(0, amp);
    if (!pair.empty()) {
      const auto equals = pair.find('=');
      auto name = decode(pair.substr(0, equals), true);
      auto value = equals == std::string_view::npos ? Result<std::string>(std::string())
                                                    : decode(pair.substr(equals + 1), true);
      if (!name) return fail(std::move(name.error()));
      if (!value) return fail(std::move(value.error()));
      request.query.emplace_back(std::move(*name), std::move(*value));
    }
    if (amp == std::string_view::npos) break;
    query.remove_prefix(amp + 1);
  }
  return {};
}

HttpResponse problem(int status, ErrorCode code, std::string_view detail, std::string_view field) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body =
      codec::to_problem_json(Error{code, std::string(detail), std::string(field)}, status);
  return response;
}

}  // namespace rhooks::rest
