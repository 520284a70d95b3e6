#include "rest/router.h"

#include <algorithm>

#include "base/check.h"

namespace rhooks::rest {

namespace {

std::vector<Route::Segment> segments_of(std::string_view pattern) {
  RHOOKS_CHECK(!pattern.empty() && pattern.front() == '/');
  std::vector<Route::Segment> segments;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto slash = std::min(pattern.find('/'), pattern.size());
    std::string_view text = pattern.substr(0, slash);
    pattern.remove_prefix(slash);
    const bool parameter = text.size() > 2 && text.front() == '{' && text.back() == '}';
    if (parameter) text = text.substr(1, text.size() - 2);
    segments.push_back({std::string(text), parameter});
  }
  return segments;
}

bool fits(const Route& route, const HttpRequest& request) {
  if (route.segments.size() != request.path.size()) return false;
  for (std::size_t i = 0; i < request.path.size(); ++i) {
    const Route::Segment& segment = route.segments[i];
    if (!segment.parameter && segment.text != request.path[i]) return false;
  }
  return true;
}

// Of two patterns that fit one path, the one with the earlier literal says more.
bool more_specific(const Route& a, const Route& b) {
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    if (a.segments[i].parameter != b.segments[i].parameter) return !a.segments[i].parameter;
  }
  return false;
}

}  // namespace

const std::string& PathParameters::get(std::string_view name) const {
  RHOOKS_CHECK(route_ != nullptr);
  for (std::size_t i = 0; i < route_->segments.size(); ++i) {
    const Route::Segment& segment = route_->segments[i];
    if (segment.parameter && segment.text == name) return request_->path[i];
  }
  RHOOKS_CHECK(false && "the pattern has this parameter");
  return request_->target;
}

void Router::add(Route route) {
  RHOOKS_CHECK((route.handler != nullptr) != (route.for_caller != nullptr));
  RHOOKS_CHECK(route.access);
  RHOOKS_CHECK(!route.operation_id.empty() && !route.summary.empty() && !route.tag.empty());
  RHOOKS_CHECK(!route.responses.empty());
  route.segments = segments_of(route.pattern);
  const bool in_one = std::any_of(
      route.segments.begin(), route.segments.end(),
      [](const Route::Segment& segment) { return segment.parameter && segment.text == "ns"; });
  RHOOKS_CHECK(in_one == (route.access->where == Where::kInNamespace));
  RHOOKS_CHECK(route.access->where != Where::kInEachNamespace || route.for_caller != nullptr);
  for (const Route& other : routes_) {
    RHOOKS_CHECK(other.method != route.method || other.pattern != route.pattern);
    RHOOKS_CHECK(other.operation_id != route.operation_id);
  }
  routes_.push_back(std::move(route));
}

Router::Match Router::match(const HttpRequest& request) const {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  Match match;
  for (const Route& route : routes_) {
    if (!fits(route, request)) continue;
    match.path_known = true;
    if (route.method != method) continue;
    if (!match.route || more_specific(route, *match.route)) match.route = &route;
  }
  if (match.route || !match.path_known) return match;
  for (const Route& route : routes_) {
    if (!fits(route, request) ||
        std::count(match.allowed.begin(), match.allowed.end(), route.method)) {
      continue;
    }
    match.allowed.push_back(route.method);
    if (route.method == "GET") match.allowed.push_back("HEAD");
  }
  match.allowed.push_back("OPTIONS");
  return match;
}

}  // namespace rhooks::rest
