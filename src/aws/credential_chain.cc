#include "aws/credential_chain.h"

#include <utility>
#include <vector>

#include "aws/credential_answer.h"
#include "aws/endpoint.h"
#include "aws/refreshed_credentials.h"
#include "base/iso8601.h"
#include "base/random.h"

namespace rhooks::aws {
namespace {

constexpr std::chrono::milliseconds kJitterMax{30'000};

struct Provider {
  std::string name;
  std::function<Result<Credentials>()> look;
};

Result<void> check_options(const CredentialOptions& options) {
  const bool id = !options.access_key_id.empty();
  const bool secret = !options.secret_access_key.empty();
  if (id && !secret) {
    return fail(ErrorCode::kInvalidArgument,
                "secret_access_key is missing: give it with access_key_id, or neither",
                "secret_access_key");
  }
  if (!id && (secret || !options.session_token.empty())) {
    return fail(ErrorCode::kInvalidArgument,
                "access_key_id is missing: give it with secret_access_key, or neither of them",
                "access_key_id");
  }
  if (!id) return {};
  const auto keys = checked(
      {options.access_key_id, options.secret_access_key, options.session_token, std::nullopt});
  if (keys) return {};
  return fail(ErrorCode::kInvalidArgument, "the option " + keys.error().message, "access_key_id");
}

// "" where none is set: STS has an endpoint without one.
std::string region_for_sts(const CredentialOptions& options, const Environment& environment) {
  return resolve_region({options.region, "", options.profile}, environment).value_or("");
}

std::vector<Provider> providers(const CredentialOptions& options, const Environment& environment,
                                const MetadataAddresses& addresses) {
  std::vector<Provider> list;
  if (!options.access_key_id.empty()) {
    list.push_back({"the options", [options] {
                      return checked({options.access_key_id, options.secret_access_key,
                                      options.session_token, std::nullopt});
                    }});
    return list;
  }
  if (options.profile.empty()) {
    list.push_back({"environment", [=] { return environment_credentials(environment); }});
    list.push_back({"web identity", [=] {
                      return environment_web_identity(environment,
                                                      region_for_sts(options, environment));
                    }});
  }
  list.push_back({"shared files", [=] {
                    return profile_credentials(environment, options.profile,
                                               region_for_sts(options, environment));
                  }});
  list.push_back({"container", [=] { return container_credentials(environment, addresses); }});
  list.push_back(
      {"instance metadata", [=] { return instance_credentials(environment, addresses); }});
  return list;
}

Result<Credentials> first_of(const std::vector<Provider>& list, TimePoint now) {
  std::string looked_at;
  for (const Provider& provider : list) {
    Result<Credentials> found = provider.look();
    if (found && found->expires_at && *found->expires_at <= now) {
      return fail(ErrorCode::kUnavailable, "the AWS credentials of " + provider.name +
                                               " have expired at " +
                                               format_time(*found->expires_at) +
                                               "; renew them, and check this machine's clock");
    }
    if (found) return found;
    if (found.error().code != ErrorCode::kNotFound) {
      return fail(ErrorCode::kUnavailable, "no AWS credentials: " + found.error().message);
    }
    looked_at += (looked_at.empty() ? "" : "; ") + provider.name + ": " + found.error().message;
  }
  return fail(ErrorCode::kUnavailable,
              "there are no AWS credentials (" + looked_at +
                  "). Run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                  "give this machine, task or pod a role");
}

}  // namespace

Result<std::unique_ptr<CredentialsSource>> make_credentials(const CredentialOptions& options,
                                                            Environment environment,
                                                            const MetadataAddresses& addresses) {
  if (const auto fine = check_options(options); !fine) return fail(fine.error());
  Random random;
  const std::chrono::milliseconds jitter{
      static_cast<std::int64_t>(random.unit() * static_cast<double>(kJitterMax.count()))};
  return std::make_unique<RefreshedCredentials>([list = providers(options, environment, addresses)](
                                                    TimePoint now) { return first_of(list, now); },
                                                jitter);
}

}  // namespace rhooks::aws
