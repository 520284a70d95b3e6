// Routes of secrets. No answer has a value.

#include "rest/query_reader.h"
#include "rest/routes.h"

namespace rhooks::rest {

namespace {

constexpr const char* kSecretPattern = "/v1/namespaces/{ns}/secrets/{name}";

HttpResponse put_secret(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "a secret");
  if (!revision) return error_response(revision.error());
  auto secret = codec::parse_new_secret(request.body, path.get("ns"), path.get("name"));
  if (!secret) return error_response(secret.error());
  auto put = hooks.put_secret(std::move(*secret), *revision);
  if (!put) return refused(request, put.error());
  return document_response(put->secret, put->created ? 201 : 200);
}

HttpResponse get_secret(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  return document_response(request, hooks.secret(path.get("ns"), path.get("name")));
}

HttpResponse rotate_secret(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "a secret");
  if (!revision) return error_response(revision.error());
  auto rotation = codec::parse_secret_rotation(request.body);
  if (!rotation) return error_response(rotation.error());
  return document_response(request, hooks.rotate_secret(path.get("ns"), path.get("name"),
                                                        std::move(*rotation), *revision));
}

HttpResponse delete_secret(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  const auto revision = revision_in(request, "a secret");
  if (!revision) return error_response(revision.error());
  QueryReader in(request);
  const bool force = in.flag("force");
  if (in.error()) return error_response(*in.error());
  return document_response(request,
                           hooks.remove_secret(path.get("ns"), path.get("name"), *revision, force));
}

HttpResponse fetch_secrets(Hooks& hooks, const HttpRequest& request, const PathParameters& path) {
  QueryReader in(request);
  SecretsQuery query;
  query.ns = path.get("ns");
  query.prefix = in.text("prefix");
  query.limit = in.limit("limit", query.limit, 1000);
  query.start_key = in.start_key();
  if (in.error()) return error_response(*in.error());
  return answer(hooks.secrets(query));
}

Route put_secret_route(Hooks& hooks) {
  return {
      .method = "PUT",
      .pattern = kSecretPattern,
      .operation_id = "putSecret",
      .tag = "secrets",
      .summary = "Make or replace a secret",
      .description =
          "No value that it had before is used from then on; rotate lets that sign for a while. It "
          "is sealed by a master key of the server, and no answer has it. The answer has the "
          "revision as ETag.",
      .parameters = {if_match_parameter(), if_none_match_parameter()},
      .body = BodyDoc{"NewSecret",
                      R"({"type": "token", "value": "s3cr3t", "description": "of acme's API"})",
                      true, kSmallBodyBytesMax},
      .responses = {{201, "It was made.", "Secret"},
                    {200, "It was replaced.", "Secret"},
                    {409, "It has another type, or there are too many secrets."},
                    {412,
                     "It has another revision than If-Match, or is not there; or it is there, with "
                     "If-None-Match."},
                    {501, "The server has no master key."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = handler_of(hooks, put_secret),
  };
}

Route get_secret_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = kSecretPattern,
      .operation_id = "getSecret",
      .tag = "secrets",
      .summary = "Get what may be seen of a secret",
      .description =
          "Its type, when it was rotated, and of ed25519 the public key. With its "
          "revision as ETag.",
      .parameters = {},
      .body = {},
      .responses = {{200, "The secret, without its value.", "Secret"}, {404, "No such secret."}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .handler = handler_of(hooks, get_secret),
  };
}

Route rotate_secret_route(Hooks& hooks) {
  return {
      .method = "POST",
      .pattern = kSecretPattern + std::string("/rotate"),
      .operation_id = "rotateSecret",
      .tag = "secrets",
      .summary = "Give a secret another value",
      .description =
          "Of what signs webhooks both values do for a while, so that receivers may "
          "learn the new one meanwhile. To repeat it safely give If-Match.",
      .parameters = {if_match_parameter()},
      .body = BodyDoc{"SecretRotation",
                      R"({"value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "overlap": "24h"})",
                      true, kSmallBodyBytesMax},
      .responses = {{200, "The secret as it is now.", "Secret"},
                    {404, "No such secret."},
                    {409, "The value before still signs, and overlap is not 0."},
                    {412, "It has another revision than If-Match."},
                    {501, "The server has no master key."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .handler = handler_of(hooks, rotate_secret),
  };
}

Route delete_secret_route(Hooks& hooks) {
  return {
      .method = "DELETE",
      .pattern = kSecretPattern,
      .operation_id = "deleteSecret",
      .tag = "secrets",
      .summary = "Delete a secret",
      .description = "",
      .parameters = {if_match_parameter(),
                     {"force", "Also where endpoints name it: their tasks wait then.",
                      R"({"type":"boolean","default":false})"}},
      .body = {},
      .responses = {{200, "The secret as it was, without its value.", "Secret"},
                    {404, "No such secret."},
                    {409, "An endpoint names it."},
                    {412, "It has another revision than If-Match."}},
      .access = Access{Where::kInNamespace, Role::kAdmin},
      .work = Work::kMany,  // it looks at the endpoints of the namespace
      .handler = handler_of(hooks, delete_secret),
  };
}

Route list_secrets_route(Hooks& hooks) {
  return {
      .method = "GET",
      .pattern = "/v1/namespaces/{ns}/secrets",
      .operation_id = "fetchSecrets",
      .tag = "secrets",
      .summary = "Fetch a page of secrets",
      .description = "Ordered by name, without their values.",
      .parameters = document_page_parameters("Secrets whose names begin with this."),
      .body = {},
      .responses = {{200, "A page; with lastEvaluatedKey where there may be more.", "SecretPage"}},
      .access = Access{Where::kInNamespace, Role::kRead},
      .work = Work::kMany,
      .handler = handler_of(hooks, fetch_secrets),
  };
}

}  // namespace

void add_secret_routes(Router& router, Hooks& hooks) {
  router.add(put_secret_route(hooks));
  router.add(get_secret_route(hooks));
  router.add(rotate_secret_route(hooks));
  router.add(delete_secret_route(hooks));
  router.add(list_secrets_route(hooks));
}

}  // namespace rhooks::rest
