#include "aws/credential_providers.h"

#include "aws/credential_answer.h"
#include "aws/credential_errors.h"
#include "aws/credential_process.h"

namespace rhooks::aws {
namespace {

bool has(const Profile& profile, const char* property) {
  return !profile.get(property).empty();
}

// The way out of what only AWS's own tools can do.
Error unsupported(const Profile& profile, const std::string& what) {
  return {ErrorCode::kUnavailable,
          "profile \"" + profile.name + "\" uses " + what +
              ", which is not supported; use another profile with credential_process = aws "
              "configure export-credentials --format process --profile " +
              profile.name,
          ""};
}

Result<Credentials> profile_keys(const Profile& profile) {
  auto keys = checked({profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"),
                       profile.get("aws_session_token"), std::nullopt});
  if (keys) return keys;
  return unusable("profile \"" + profile.name + "\" (" + profile.files + ") " +
                  keys.error().message);
}

Result<Credentials> profile_process(const Profile& profile) {
  const std::string name = "the credential_process of profile \"" + profile.name + "\" ";
  const auto output = run_command(profile.get("credential_process"));
  if (!output) return unusable(name + output.error().message);
  auto credentials = read_process_credentials(*output);
  if (!credentials) return unusable("what " + name + "wrote " + credentials.error().message);
  return credentials;
}

}  // namespace

Result<Credentials> environment_credentials(const Environment& environment) {
  Credentials credentials;
  credentials.access_key_id = variable(environment, "AWS_ACCESS_KEY_ID");
  credentials.secret_access_key = variable(environment, "AWS_SECRET_ACCESS_KEY");
  credentials.session_token = variable(environment, "AWS_SESSION_TOKEN");
  if (credentials.access_key_id.empty() && credentials.secret_access_key.empty()) {
    return not_set_up("AWS_ACCESS_KEY_ID is not set");
  }
  if (credentials.secret_access_key.empty()) {
    return unusable("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY; set both or neither");
  }
  if (credentials.access_key_id.empty()) {
    return unusable("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID; set both or neither");
  }
  auto keys = checked(std::move(credentials));
  if (keys) return keys;
  return unusable("the environment (AWS_ACCESS_KEY_ID, …) " + keys.error().message);
}

Result<Credentials> environment_web_identity(const Environment& environment,
                                             const std::string& region) {
  WebIdentity identity;
  identity.token_file = variable(environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
  identity.role_arn = variable(environment, "AWS_ROLE_ARN");
  identity.session_name = variable(environment, "AWS_ROLE_SESSION_NAME");
  identity.region = region;
  if (identity.token_file.empty()) return not_set_up("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
  if (identity.role_arn.empty()) {
    return unusable("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN; set both or neither");
  }
  return web_identity_credentials(identity, environment);
}

Result<Credentials> profile_credentials(const Environment& environment, const std::string& wanted,
                                        const std::string& region) {
  const auto profile = load_profile(environment, wanted);
  if (!profile) return unusable(profile.error().message);
  if (!profile->found) {
    return not_set_up("no profile \"" + profile->name + "\" in " + profile->files);
  }
  if (has(*profile, "role_arn")) {
    if (!has(*profile, "web_identity_token_file")) {
      return fail(unsupported(*profile, "role_arn with the credentials of another source"));
    }
    return web_identity_credentials(
        {profile->get("web_identity_token_file"), profile->get("role_arn"),
         profile->get("role_session_name"), region},
        environment);
  }
  if (has(*profile, "aws_access_key_id") || has(*profile, "aws_secret_access_key")) {
    return profile_keys(*profile);
  }
  if (has(*profile, "credential_process")) return profile_process(*profile);
  if (has(*profile, "sso_session") || has(*profile, "sso_start_url")) {
    return fail(unsupported(*profile, "single sign-on (sso_…)"));
  }
  return not_set_up("profile \"" + profile->name + "\" in " + profile->files +
                    " has no credentials");
}

}  // namespace rhooks::aws
