#include "rest/access_control.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/sha256.h"
#include "rest/access.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() < kScheme.size() ||
      !equal_in_any_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

tl::unexpected<HttpResponse> unauthorized(std::string_view detail) {
  HttpResponse response = problem(401, ErrorCode::kInvalidArgument, detail, "Authorization");
  response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return tl::make_unexpected(std::move(response));
}

tl::unexpected<HttpResponse> unauthorized_without_key() {
  return unauthorized("this server asks for an API key: send Authorization: Bearer KEY");
}

HttpResponse forbidden(const std::string& detail) {
  return problem(403, ErrorCode::kForbidden, detail);
}

}  // namespace

AccessControl::AccessControl(Hooks& hooks, std::string configured_key, bool key_needed)
    : hooks_(hooks), configured_key_(std::move(configured_key)), key_needed_(key_needed) {
  // So that no first request finds them unread; whether that works each request tells.
  (void)hooks_.find_api_key({});
}

AccessControl::Answer AccessControl::caller_of(const HttpRequest& request) const {
  return *answer(request, [this](std::string_view text) { return hooks_.find_api_key(text); });
}

std::optional<AccessControl::Answer> AccessControl::known_caller_of(
    const HttpRequest& request) const {
  return answer(request, [this](std::string_view text) -> std::optional<Result<SentApiKey>> {
    auto known = hooks_.known_api_key(text);
    if (!known) return std::nullopt;
    return std::move(*known);
  });
}

// The same is done for each wrong key, so that the time that it takes tells nothing of the right
// ones.
std::optional<AccessControl::Answer> AccessControl::answer(const HttpRequest& request,
                                                           const Find& find) const {
  const std::string* const authorization = request.header("Authorization");
  const bool needed = key_needed_ || !configured_key_.empty();
  if (!authorization && needed) return unauthorized_without_key();
  const auto given = std::count_if(
      request.headers.begin(), request.headers.end(),
      [](const Header& header) { return equal_in_any_case(header.name, "Authorization"); });
  const std::string_view text = given == 1 ? bearer_of(*authorization) : std::string_view();
  if (!configured_key_.empty() && equal_in_constant_time(text, configured_key_)) {
    return Caller::owner();
  }
  auto found = find(text);
  if (!found) return std::nullopt;
  if (!*found) return tl::make_unexpected(error_response(found->error()));
  SentApiKey& sent = **found;
  if (sent.key && !sent.expired) return Caller(std::move(sent.key));
  if (needed || sent.any) {
    if (!authorization) return unauthorized_without_key();
    if (given > 1) return unauthorized("Authorization is given more than once");
    if (sent.expired) return unauthorized("the API key has expired");
    return unauthorized("the API key is none of this server");
  }
  if (auto refused = check_local(request)) return tl::make_unexpected(std::move(*refused));
  return Caller::anyone();
}

std::optional<HttpResponse> refusal(const Caller& caller, const Route& route,
                                    const HttpRequest& request) {
  const Access& access = *route.access;
  if (access.where == Where::kInNamespace) {
    const std::string& ns = PathParameters(route, request).get("ns");
    if (!caller.reaches(ns)) return error_response(no_such_namespace(ns));
  }
  if (caller.role() < access.role) {
    return forbidden(std::string("this call needs the role ") + to_string(access.role) +
                     ", and the API key " + caller.key()->id + " has " + to_string(caller.role()));
  }
  if (access.where == Where::kInAllNamespaces && !caller.reaches_all()) {
    return forbidden("this call is about all namespaces, and the API key " + caller.key()->id +
                     " is for some of them");
  }
  return std::nullopt;
}

}  // namespace rhooks::rest
