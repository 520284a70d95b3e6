#include "aws/endpoint.h"

#include <algorithm>
#include <optional>

#include "aws/http_url.h"
#include "aws/profile.h"
#include "base/ascii.h"
#include "observe/logging.h"

namespace rhooks::aws {
namespace {

struct Setting {
  std::string value;
  std::string from;
};

bool is_region(std::string_view text) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_inner);
}

Result<Setting> region_setting(const EndpointOptions& options, const Environment& environment) {
  if (!options.region.empty()) return Setting{options.region, "the option region"};
  for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto value = variable(environment, name); !value.empty()) {
      return Setting{std::move(value), name};
    }
  }
  const auto profile = load_profile(environment, options.profile);
  if (!profile) return fail(profile.error());
  if (auto value = profile->get("region"); !value.empty()) {
    return Setting{std::move(value), "profile " + profile->name};
  }
  return fail(ErrorCode::kInvalidArgument,
              "no AWS region is set; looked at the option region, AWS_REGION, "
              "AWS_DEFAULT_REGION and profile \"" +
                  profile->name + "\" in " + profile->files +
                  "; pass region=eu-west-1, or set AWS_REGION",
              "region");
}

// A service as the names of variables have it.
std::string in_capitals(std::string_view name) {
  std::string capitals(name);
  for (char& c : capitals) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return capitals;
}

// The endpoint that the surroundings name; none if they do not.
Result<std::optional<Setting>> configured_endpoint(const std::string& service,
                                                   const EndpointOptions& options,
                                                   const Environment& environment) {
  if (is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) return std::nullopt;
  for (const std::string& name :
       {"AWS_ENDPOINT_URL_" + in_capitals(service), std::string("AWS_ENDPOINT_URL")}) {
    if (auto value = variable(environment, name); !value.empty()) {
      return Setting{std::move(value), name};
    }
  }
  const auto profile = load_profile(environment, options.profile);
  if (!profile) return fail(profile.error());
  if (profile->get("ignore_configured_endpoint_urls") == "true") return std::nullopt;
  const std::string from = "endpoint_url of profile " + profile->name;
  const auto own = profile->services.find(lower_case(service) + ".endpoint_url");
  if (own != profile->services.end() && !own->second.empty()) return Setting{own->second, from};
  if (auto value = profile->get("endpoint_url"); !value.empty()) {
    return Setting{std::move(value), from};
  }
  return std::nullopt;
}

Result<HttpUrl> origin_url(const std::string& service, const Setting& setting) {
  auto url = parse_http_url(setting.value);
  if (url && !url->rest.empty() && url->rest != "/") {
    url = fail(ErrorCode::kInvalidArgument, "a URL with a path or query; " + service + " has none");
  }
  if (url) return url;
  return fail(ErrorCode::kInvalidArgument,
              setting.from + " is " + url.error().message +
                  "; write it as in http://localhost:8000 or https://" + lower_case(service) +
                  ".eu-west-1.amazonaws.com",
              "endpoint");
}

}  // namespace

Result<std::string> resolve_region(const EndpointOptions& options, const Environment& environment) {
  auto region = region_setting(options, environment);
  if (!region) return fail(std::move(region.error()));
  if (is_region(region->value)) return std::move(region->value);
  return fail(ErrorCode::kInvalidArgument,
              region->from + " is no name of an AWS region; write it as in eu-west-1", "region");
}

std::string dns_suffix(const std::string& region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

Result<ServiceEndpoint> resolve_endpoint(const std::string& service, const EndpointOptions& options,
                                         const Environment& environment) {
  auto region = resolve_region(options, environment);
  if (!region) return fail(std::move(region.error()));

  std::optional<Setting> setting;
  if (!options.endpoint.empty()) {
    setting = Setting{options.endpoint, "the option endpoint"};
  } else {
    auto configured = configured_endpoint(service, options, environment);
    if (!configured) return fail(std::move(configured.error()));
    setting = std::move(*configured);
  }
  if (!setting) {
    // Who asks for these must not get the plain endpoint without a word.
    for (const char* const name : {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}) {
      if (!is_true(environment, name)) continue;
      return fail(ErrorCode::kInvalidArgument,
                  std::string(name) +
                      " is set, but such an endpoint is not chosen by itself; name it with the "
                      "option endpoint, such as https://" +
                      lower_case(service) + "-fips." + *region + "." + dns_suffix(*region),
                  "endpoint");
    }
    return ServiceEndpoint{
        *region, "https://" + lower_case(service) + "." + *region + "." + dns_suffix(*region)};
  }

  const auto url = origin_url(service, *setting);
  if (!url) return fail(url.error());
  if (!url->tls && !url->is_loopback()) {
    if (options.endpoint.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  setting->from + " is plain http to another machine (" + url->origin() +
                      "), where anyone between could read and change everything; use https, or "
                      "insist on it with the option endpoint",
                  "endpoint");
    }
    log::warn(
        "the " + service + " endpoint is plain http: anyone between can read and change everything",
        {{"endpoint", url->origin()}});
  }
  return ServiceEndpoint{*region, url->origin()};
}

}  // namespace rhooks::aws
