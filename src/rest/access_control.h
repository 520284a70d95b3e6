#pragma once

#include <rhooks/hooks.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "rest/caller.h"
#include "rest/http_message.h"
#include "rest/router.h"

namespace rhooks::rest {

// Who calls, and whether that one may: by the key that is configured, by API keys of the store, or,
// where there is neither, as access.h says.
//
// Threads: any. Blocking: the constructor, which reads the keys, and caller_of(). Ownership: hooks
// must outlive it.
class AccessControl {
 public:
  // `key_needed`: a key is asked for also where there is none.
  AccessControl(Hooks& hooks, std::string configured_key, bool key_needed);

  // Who calls, or why that one is served nothing: 401, 403, 421; 503, API keys cannot be read.
  using Answer = tl::expected<Caller, HttpResponse>;
  // Waits for the store where what is known of API keys is old.
  Answer caller_of(const HttpRequest& request) const;
  // None: caller_of() would wait.
  std::optional<Answer> known_caller_of(const HttpRequest& request) const;

 private:
  // What is found of a text; none: it is not known without waiting.
  using Find = std::function<std::optional<Result<SentApiKey>>(std::string_view text)>;
  std::optional<Answer> answer(const HttpRequest& request, const Find& find) const;

  Hooks& hooks_;
  const std::string configured_key_;
  const bool key_needed_;
};

// Why this caller may not have this route: 403, or 404 of a namespace that it does not reach. What
// a route does to each of many namespaces is left to its handler.
std::optional<HttpResponse> refusal(const Caller& caller, const Route& route,
                                    const HttpRequest& request);

}  // namespace rhooks::rest
