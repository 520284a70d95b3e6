#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rest/caller.h"
#include "rest/http_message.h"

namespace rhooks::rest {

// The {parameters} of a matched path: views of the request, which must outlive it.
class PathParameters {
 public:
  PathParameters() = default;
  PathParameters(const Route& route, const HttpRequest& request)
      : route_(&route), request_(&request) {}

  // Decoded. A name that the pattern does not have is a defect.
  const std::string& get(std::string_view name) const;

 private:
  const Route* route_ = nullptr;
  const HttpRequest* request_ = nullptr;
};

using RouteHandler = std::function<HttpResponse(const HttpRequest&, const PathParameters&)>;

// Of a route without {parameters}, whose answer depends on who calls.
using CallerRouteHandler = std::function<HttpResponse(const HttpRequest&, const Caller&)>;

// The same without waiting: the response is given later, from any thread.
using LaterRouteHandler =
    std::function<void(const HttpRequest&, const PathParameters&, Respond respond)>;

// What a query parameter or header means. A query parameter that a route does not list is
// refused, so this is not only words.
struct ParameterDoc {
  std::string name;
  std::string description;
  std::string schema;  // JSON Schema, as text
  std::string in = "query";
};

struct BodyDoc {
  std::string schema;   // name of a component schema
  std::string example;  // JSON text
  bool required = true;
  std::size_t bytes_max = 0;  // a longer body is 413
};

struct ResponseDoc {
  int status = 200;
  std::string description;
  std::string schema =
      {};  // name of a component schema; empty with a status of 400 and up: Problem
  std::string content_type = "application/json";
};

// Where a key has to hold for a route.
enum class Where {
  kPublic,           // none is asked for
  kAnywhere,         // somewhere
  kInNamespace,      // in the {ns} of the path
  kInEachNamespace,  // in those that the handler finds in the body, or answers of: it looks itself
  kInAllNamespaces,  // in all that there are
};

// Who may call a route: those whose key has this role or a higher one, where it has to hold.
// Without keys, everyone (access_control.h).
struct Access {
  Where where;
  Role role = Role::kRead;

  bool is_public() const { return where == Where::kPublic; }
};

// One route and its documentation: neither exists without the other.
struct Route {
  std::string method;
  std::string pattern;       // "/v1/namespaces/{ns}/tasks/{id}"
  std::string operation_id;  // "getTask"
  std::string tag;
  std::string summary;
  std::string description;
  std::vector<ParameterDoc> parameters;  // those of the path are described by their names
  std::optional<BodyDoc> body;
  std::vector<ResponseDoc> responses;  // besides those that every route may give
  std::optional<Access> access = {};   // a route without one is a defect
  // Answered on a network thread, without waiting for a handler thread: it must not block.
  bool immediate = false;
  Work work = Work::kOne;
  // One of these two.
  RouteHandler handler = nullptr;
  CallerRouteHandler for_caller = nullptr;
  // Given, it may be used instead.
  LaterRouteHandler later = nullptr;

  struct Segment {
    std::string text;  // a literal, or the parameter's name
    bool parameter = false;
  };
  std::vector<Segment> segments = {};  // of the pattern; filled in by the router
};

// The route table.
//
// Threads: add() first, from one thread; then the others from any.
class Router {
 public:
  // A route that lacks documentation, or says not who may call it, or that another one hides, is a
  // defect.
  void add(Route route);

  struct Match {
    const Route* route = nullptr;
    bool path_known = false;           // some method has this path
    std::vector<std::string> allowed;  // where the method has no route: those that have one
  };
  // HEAD matches as GET does. A literal segment is preferred to a parameter.
  Match match(const HttpRequest& request) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace rhooks::rest
