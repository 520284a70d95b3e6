// Addresses, URLs and rules of egress. An address is for what a second implementation says, which
// compares it with the first and last address of each range; where a URL leads is where libcurl
// takes it to; what a rule allows none is refused by it, and metadata services are allowed by none.

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "egress/address_class.h"
#include "egress/policy.h"
#include "egress/target.h"
#include "fuzz/fuzz.h"
#include "model/url.h"

using namespace rhooks;
using egress::Ip;

namespace {

struct Range {
  const char* first;
  const char* last;
  const char* is;
};

// Those of IPv4 as they are mapped. What is in none is public in 2000::/3, and reserved elsewhere.
constexpr Range kRanges[] = {
    {"169.254.169.254", "169.254.169.254", "metadata"},
    {"169.254.170.2", "169.254.170.2", "metadata"},
    {"169.254.170.23", "169.254.170.23", "metadata"},
    {"169.254.0.23", "169.254.0.23", "metadata"},
    {"169.254.42.42", "169.254.42.42", "metadata"},
    {"168.63.129.16", "168.63.129.16", "metadata"},
    {"100.100.100.200", "100.100.100.200", "metadata"},
    {"192.0.0.192", "192.0.0.192", "metadata"},
    {"fd00:ec2::254", "fd00:ec2::254", "metadata"},
    {"fd00:ec2::23", "fd00:ec2::23", "metadata"},
    {"fd20:ce::254", "fd20:ce::254", "metadata"},
    {"fd00:c1::a9fe:a9fe", "fd00:c1::a9fe:a9fe", "metadata"},
    {"fd00:42::42", "fd00:42::42", "metadata"},
    {"fe80::a9fe:a9fe", "fe80::a9fe:a9fe", "metadata"},
    {"0.0.0.0", "0.255.255.255", "reserved"},
    {"10.0.0.0", "10.255.255.255", "private"},
    {"100.64.0.0", "100.127.255.255", "cgnat"},
    {"127.0.0.0", "127.255.255.255", "loopback"},
    {"169.254.0.0", "169.254.255.255", "link_local"},
    {"172.16.0.0", "172.31.255.255", "private"},
    {"192.0.0.0", "192.0.0.255", "reserved"},
    {"192.0.2.0", "192.0.2.255", "reserved"},
    {"192.88.99.0", "192.88.99.255", "reserved"},
    {"192.168.0.0", "192.168.255.255", "private"},
    {"198.18.0.0", "198.19.255.255", "reserved"},
    {"198.51.100.0", "198.51.100.255", "reserved"},
    {"203.0.113.0", "203.0.113.255", "reserved"},
    {"224.0.0.0", "239.255.255.255", "multicast"},
    {"240.0.0.0", "255.255.255.255", "reserved"},
    {"0.0.0.0", "255.255.255.255", "public"},
    {"::1", "::1", "loopback"},
    {"::", "::ffff:ffff", "embedded"},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "embedded"},
    {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "embedded"},
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"},
    {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "embedded"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"},
    {"2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "public"},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link_local"},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
};

Ip slow_v4(const Ip& ip, std::size_t at) {
  const std::string v4 = std::to_string(ip[at]) + '.' + std::to_string(ip[at + 1]) + '.' +
                         std::to_string(ip[at + 2]) + '.' + std::to_string(ip[at + 3]);
  return *egress::parse_ip(v4);
}

std::string slow_class(const Ip& ip) {
  std::string is = "reserved";
  for (const Range& range : kRanges) {
    if (*egress::parse_ip(range.first) <= ip && ip <= *egress::parse_ip(range.last)) {
      is = range.is;
      break;
    }
  }
  const bool in_teredo = ip[0] == 0x20 && ip[1] == 0x01;
  if (is != "embedded" || in_teredo) return is;
  const std::size_t at = ip[0] == 0x20 ? 2 : 12;
  return slow_class(slow_v4(ip, at)) == "metadata" ? "metadata" : is;
}

// By the text of an address: that of NAT64's own prefix ends in the one that it leads to.
Ip slow_reached(const Ip& ip) {
  if (ip == *egress::parse_ip("0.0.0.0")) return *egress::parse_ip("127.0.0.1");
  if (ip == Ip{}) return *egress::parse_ip("::1");
  const Ip prefix = *egress::parse_ip("64:ff9b::");
  if (!std::equal(prefix.begin(), prefix.begin() + 12, ip.begin())) return ip;
  return slow_v4(ip, 12);
}

// Beside each address the one before and behind it, where ranges begin and end.
void check_address(Ip ip) {
  const Ip reached = egress::reached_by(ip);
  FUZZ_EXPECT(reached == slow_reached(ip));
  FUZZ_EXPECT(to_string(egress::classify(reached)) == slow_class(reached));
  FUZZ_EXPECT(egress::parse_ip(egress::to_text(ip)) == ip);
}

Ip ip_of(fuzz::Input& input) {
  const std::uint64_t how = input.number(1);
  if (how % 4 == 0) return egress::ip_of_v4(static_cast<std::uint32_t>(input.number(4)));
  if (how % 4 == 1) {
    const Range& range = kRanges[input.number(1) % std::size(kRanges)];
    Ip ip = *egress::parse_ip(how & 4 ? range.first : range.last);
    const bool up = (how & 8) != 0;
    for (std::size_t i = ip.size(); i-- > 0;) {
      ip[i] = static_cast<std::uint8_t>(ip[i] + (up ? 1 : -1));
      if (ip[i] != (up ? 0x00 : 0xff)) break;
    }
    return ip;
  }
  Ip ip{};
  if (how % 4 == 2) ip = *egress::parse_ip("64:ff9b::");
  for (std::size_t i = how % 4 == 2 ? 12 : 0; i < ip.size(); ++i) {
    ip[i] = static_cast<std::uint8_t>(input.number(1));
  }
  return ip;
}

std::optional<std::string> part_of(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

// libcurl writes IPv4 addresses in any spelling as four numbers.
void check_url(const std::string& url) {
  if (!model::validate_url(url)) {
    egress::target_of(url);
    return;
  }
  const egress::Target target = egress::target_of(url);
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  FUZZ_EXPECT(curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK);
  std::string host = lower_case(part_of(parsed.get(), CURLUPART_HOST, 0).value_or(""));
  FUZZ_EXPECT(part_of(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT) ==
              std::to_string(target.port));
  FUZZ_EXPECT(part_of(parsed.get(), CURLUPART_SCHEME, 0) == (target.https ? "https" : "http"));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.pop_back();
  if (const auto ip = egress::parse_ip(host)) {
    FUZZ_EXPECT(target.addresses == std::vector<Ip>{*ip});
  } else {
    FUZZ_EXPECT(target.host == host);
  }
}

void check_rule(const std::string& rule, const Ip& ip) {
  const auto allowing = egress::Policy::create({.mode = "public", .allow = {rule}});
  const auto denying = egress::Policy::create({.deny = {rule}});
  FUZZ_EXPECT(allowing.has_value() == denying.has_value());
  if (!allowing) {
    FUZZ_EXPECT(allowing.error().code == ErrorCode::kInvalidArgument);
    FUZZ_EXPECT(allowing.error().field == "egress_allow");
    return;
  }
  const std::string_view name = std::string_view(rule).substr(0, rule.find(':'));
  const egress::Target target =
      egress::target_of("http://" + std::string(name.starts_with('*') ? "a" : "") +
                        std::string(name.substr(name.starts_with('*') ? 1 : 0)) + "/");
  const auto is = allowing->class_of(ip);
  const auto allows = allowing->refuses(target, ip);
  const auto denies = denying->refuses(target, ip);
  if (is == egress::AddressClass::kMetadata) {
    FUZZ_EXPECT(allows == "metadata" && denies == "metadata");
  } else if (denies) {
    // What is in an address is denied along with it, and not allowed.
    FUZZ_EXPECT(denies == "denied" && (!allows || is == egress::AddressClass::kEmbedded));
  } else {
    FUZZ_EXPECT(allows.has_value() == (is != egress::AddressClass::kPublic));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const Ip ip = ip_of(input);
  check_address(ip);
  check_rule(std::string(input.until('\n')), ip);
  check_url(std::string(input.until('\n')));
  return 0;
}
