// Routes of API keys.

#include "hooks/change_document.h"
#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr const char* kApiKeysPattern = "/v1/admin/keys";
constexpr const char* kApiKeyPattern = "/v1/admin/keys/{keyId}";

// From the first key on, who calls needs one: where no other way in is left, it has to open this.
bool locks_all_out(const ApiKeySpec& key, const Caller& caller) {
  return caller.needs_no_key() &&
         (key.role != Role::kAdmin || !model::holds_everywhere(key.namespaces) || key.expires_at);
}

HttpResponse create_api_key(Hooks& hooks, const HttpRequest& request, const Caller& caller) {
  auto key = codec::parse_new_api_key(request.body);
  if (!key) return error_response(key.error());
  if (locks_all_out(*key, caller)) {
    return error_response(
        {ErrorCode::kConflict,
         "the first API key has to be of role admin, for \"*\", without an end: from then on who "
         "calls needs one, and no other could make more",
         "role"});
  }
  const auto created = hooks.create_api_key(std::move(*key));
  if (!created) return error_response(created.error());
  HttpResponse response = document_response(*created, 201);
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

HttpResponse get_api_key(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  return document_response(request, hooks.api_key(path.get("keyId")));
}

HttpResponse patch_api_key(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "an API key");
  if (!revision) return error_response(revision.error());
  const std::string& id = path.get("keyId");
  return document_response(
      request, change_document(
                   *revision, [&] { return hooks.api_key(id); },
                   [&](ApiKey key) { return codec::parse_api_key_changes(request.body, key); },
                   [&](ApiKeySpec key, const std::string& read) {
                     return hooks.change_api_key(id, std::move(key), read);
                   }));
}

HttpResponse revoke_api_key(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "an API key");
  if (!revision) return error_response(revision.error());
  return document_response(request, hooks.revoke_api_key(path.get("keyId"), *revision));
}

HttpResponse fetch_api_keys(Hooks& hooks, const HttpRequest& request, const PathParameters&) {
  QueryReader in(request);
  ApiKeysQuery query;
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.api_keys(query));
}

Route create_api_key_route(Hooks& hooks) {
  return {
      .method = "POST",
      .pattern = kApiKeysPattern,
      .operation_id = "createApiKey",
      .tag = "keys",
      .summary = "Make an API key",
      .description =
          "The answer has the key itself, and no other has it: it is not stored. From "
          "the first key on, who calls needs one; so the first is for everything.",
      .parameters = {},
      .body =
          BodyDoc{
              "NewApiKey",
              R"({"role": "write", "namespaces": ["shop", "shop-*"], "description": "the shop's server"})",
              true, kSmallBodyBytesMax},
      .responses = {{201, "The key.", "CreatedApiKey"},
                    {409, "It is the first one, and not for everything; or there are too many."}},
      .access = Access{Where::kInAllNamespaces, Role::kAdmin},
      .for_caller = [&hooks](
                        const HttpRequest& request,
                        const Caller& caller) { return create_api_key(hooks, request, caller); },
  };
}

Route get_api_key_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = kApiKeyPattern,
      .operation_id = "getApiKey",
      .tag = "keys",
      .summary = "Get what may be seen of an API key",
      .description = "With its revision as ETag.",
      .parameters = {},
      .body = {},
      .responses = {{200, "The key, without what its holder sends.", "ApiKey"},
                    {404, "No such key."}},
      .access = Access{Where::kInAllNamespaces, Role::kAdmin},
      .handler = handler_of(hooks, get_api_key),
  };
}

Route patch_api_key_route(Hooks& hooks) {
  return {
      .method = "PATCH",
      .pattern = kApiKeyPattern,
      .operation_id = "patchApiKey",
      .tag = "keys",
      .summary = "Change what an API key lets its holder do",
      .description =
          "By a JSON Merge Patch (RFC 7396), as of an endpoint. Other servers on the store go by "
          "it within 5 s. A conflict (409): it is being changed all the time.",
      .parameters = {if_match_parameter()},
      .body = BodyDoc{"ApiKeyChanges", R"({"role": "read", "expiresAt": null})", true,
                      kSmallBodyBytesMax},
      .responses = {{200, "The key as it is now.", "ApiKey"},
                    {404, "No such key."},
                    {412, "It has another revision than If-Match."}},
      .access = Access{Where::kInAllNamespaces, Role::kAdmin},
      .handler = handler_of(hooks, patch_api_key),
  };
}

Route revoke_api_key_route(Hooks& hooks) {
  return {
      .method = "DELETE",
      .pattern = kApiKeyPattern,
      .operation_id = "revokeApiKey",
      .tag = "keys",
      .summary = "Revoke an API key",
      .description = "At once here, within 5 s on other servers on the store.",
      .parameters = {if_match_parameter()},
      .body = {},
      .responses = {{200, "The key as it was.", "ApiKey"},
                    {404, "No such key."},
                    {412, "It has another revision than If-Match."}},
      .access = Access{Where::kInAllNamespaces, Role::kAdmin},
      .handler = handler_of(hooks, revoke_api_key),
  };
}

Route list_api_keys_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = kApiKeysPattern,
      .operation_id = "fetchApiKeys",
      .tag = "keys",
      .summary = "Fetch a page of API keys",
      .description = "Ordered by id, without what their holders send.",
      .parameters = limit_parameters(),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.", "ApiKeyPage"}},
      .access = Access{Where::kInAllNamespaces, Role::kAdmin},
      .work = Work::kMany,
      .handler = handler_of(hooks, fetch_api_keys),
  };
}

}  // namespace

void add_api_key_routes(Router& router, Hooks& hooks) {
  router.add(create_api_key_route(hooks));
  router.add(get_api_key_route(hooks));
  router.add(patch_api_key_route(hooks));
  router.add(revoke_api_key_route(hooks));
  router.add(list_api_keys_route(hooks));
}

}  // namespace rhooks::rest
