#include "model/flow.h"

#include "base/ascii.h"

namespace rhooks::model {
namespace {

void add_text(FlowHash& hash, std::string_view text) {
  for (const char c : text) hash.add(c);
}

void add_lower(FlowHash& hash, std::string_view text) {
  for (const char c : text) hash.add(lower_case(c));
}

bool is_usual_port(std::string_view scheme, std::string_view port) {
  return port.empty() || (port == "80" && equal_in_any_case(scheme, "http")) ||
         (port == "443" && equal_in_any_case(scheme, "https"));
}

FlowHash hash_of_endpoint(std::string_view name) {
  FlowHash hash;
  hash.add('@');
  add_text(hash, name);
  return hash;
}

}  // namespace

std::uint64_t namespace_hash(std::string_view ns) {
  FlowHash hash;
  add_text(hash, ns);
  return hash.value();
}

std::uint64_t receiver_hash(std::string_view url) {
  constexpr std::string_view kSchemeEnd = "://";
  FlowHash hash;
  std::string_view scheme;
  if (const auto at = url.find(kSchemeEnd); at != std::string_view::npos) {
    scheme = url.substr(0, at);
    url.remove_prefix(at + kSchemeEnd.size());
  }
  std::string_view host = url.substr(0, url.find_first_of("/?#"));
  std::string_view port;
  const auto colon = host.rfind(':');
  // Those within brackets are of an IPv6 address.
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  add_lower(hash, scheme);
  hash.add(':');
  add_lower(hash, host);
  if (!is_usual_port(scheme, port)) {
    hash.add(':');
    add_lower(hash, port);
  }
  return hash.value();
}

std::uint64_t url_hash(std::string_view url) {
  FlowHash hash;
  add_text(hash, url);
  return hash.value();
}

std::uint64_t endpoint_hash(std::string_view name) {
  return hash_of_endpoint(name).value();
}

std::uint64_t flow_hash(std::string_view endpoint, std::string_view flow_key) {
  FlowHash hash = hash_of_endpoint(endpoint);
  if (flow_key.empty()) return hash.value();
  hash.add('\0');
  add_text(hash, flow_key);
  return hash.value();
}

Flow flow_of(const Task& task) {
  if (!task.endpoint.empty()) {
    return {.ns = namespace_hash(task.key.ns),
            .receiver = flow_hash(task.endpoint, task.flow_key),
            .endpoint = endpoint_hash(task.endpoint)};
  }
  return {.ns = namespace_hash(task.key.ns), .receiver = receiver_hash(task.request.url)};
}

}  // namespace rhooks::model
