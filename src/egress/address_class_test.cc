#include "egress/address_class.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rhooks::egress {
namespace {

using enum AddressClass;

Ip ip(const std::string& text) {
  const auto parsed = parse_ip(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Ip{});
}

AddressClass class_of(const std::string& text, const std::vector<Network>& nat64 = {}) {
  return classify(reached_by(ip(text), nat64));
}

struct Range {
  const char* first;
  const char* last;
  AddressClass is;
};

// Without what is around them, which may be of the same class.
const std::vector<Range> kRanges = {
    {"0.0.0.1", "0.255.255.255", kReserved},
    {"1.0.0.0", "9.255.255.255", kPublic},
    {"10.0.0.0", "10.255.255.255", kPrivate},
    {"11.0.0.0", "100.63.255.255", kPublic},
    {"100.64.0.0", "100.127.255.255", kCgnat},
    {"100.128.0.0", "126.255.255.255", kPublic},
    {"127.0.0.0", "127.255.255.255", kLoopback},
    {"128.0.0.0", "168.63.129.15", kPublic},
    {"168.63.129.16", "168.63.129.16", kMetadata},
    {"168.63.129.17", "169.253.255.255", kPublic},
    {"169.254.0.0", "169.254.0.22", kLinkLocal},
    {"169.254.0.23", "169.254.0.23", kMetadata},
    {"169.254.0.24", "169.254.42.41", kLinkLocal},
    {"169.254.42.42", "169.254.42.42", kMetadata},
    {"169.254.42.43", "169.254.170.1", kLinkLocal},
    {"169.254.170.2", "169.254.170.2", kMetadata},
    {"169.254.170.3", "169.254.170.22", kLinkLocal},
    {"169.254.170.23", "169.254.170.23", kMetadata},
    {"169.254.170.24", "169.254.169.253", kLinkLocal},
    {"169.254.169.254", "169.254.169.254", kMetadata},
    {"169.254.169.255", "169.254.255.255", kLinkLocal},
    {"169.255.0.0", "172.15.255.255", kPublic},
    {"172.16.0.0", "172.31.255.255", kPrivate},
    {"172.32.0.0", "191.255.255.255", kPublic},
    {"192.0.0.0", "192.0.0.191", kReserved},
    {"192.0.0.192", "192.0.0.192", kMetadata},
    {"192.0.0.193", "192.0.0.255", kReserved},
    {"192.0.1.0", "192.0.1.255", kPublic},
    {"192.0.2.0", "192.0.2.255", kReserved},
    {"192.0.3.0", "192.88.98.255", kPublic},
    {"192.88.99.0", "192.88.99.255", kReserved},
    {"192.88.100.0", "192.167.255.255", kPublic},
    {"192.168.0.0", "192.168.255.255", kPrivate},
    {"192.169.0.0", "198.17.255.255", kPublic},
    {"198.18.0.0", "198.19.255.255", kReserved},
    {"198.20.0.0", "198.51.99.255", kPublic},
    {"198.51.100.0", "198.51.100.255", kReserved},
    {"198.51.101.0", "203.0.112.255", kPublic},
    {"203.0.113.0", "203.0.113.255", kReserved},
    {"203.0.114.0", "223.255.255.255", kPublic},
    {"224.0.0.0", "239.255.255.255", kMulticast},
    {"240.0.0.0", "255.255.255.255", kReserved},

    {"::1", "::1", kLoopback},
    {"::2", "::ffff:ffff", kEmbedded},
    {"::1:0:0", "::fffe:ffff:ffff", kReserved},
    {"::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"64:ff9b::1:0:0", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", kEmbedded},
    {"64:ff9b:2::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"100::", "100::ffff:ffff:ffff:ffff", kReserved},
    {"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPublic},
    {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", kEmbedded},
    {"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", kPublic},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPublic},
    {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kEmbedded},
    {"2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPublic},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPublic},
    {"4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"fc00::", "fd00:42::41", kPrivate},
    {"fd00:42::42", "fd00:42::42", kMetadata},
    {"fd00:42::43", "fd00:c1::a9fe:a9fd", kPrivate},
    {"fd00:c1::a9fe:a9fe", "fd00:c1::a9fe:a9fe", kMetadata},
    {"fd00:c1::a9fe:a9ff", "fd00:ec2::22", kPrivate},
    {"fd00:ec2::23", "fd00:ec2::23", kMetadata},
    {"fd00:ec2::24", "fd00:ec2::253", kPrivate},
    {"fd00:ec2::254", "fd00:ec2::254", kMetadata},
    {"fd00:ec2::255", "fd20:ce::253", kPrivate},
    {"fd20:ce::254", "fd20:ce::254", kMetadata},
    {"fd20:ce::255", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPrivate},
    {"fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kReserved},
    {"fe80::", "fe80::a9fe:a9fd", kLinkLocal},
    {"fe80::a9fe:a9fe", "fe80::a9fe:a9fe", kMetadata},
    {"fe80::a9fe:a9ff", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kLinkLocal},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kPrivate},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kMulticast},
};

TEST(AddressClassTest, OfTheFirstAndTheLastAddressOfEachRange) {
  for (const Range& range : kRanges) {
    EXPECT_EQ(class_of(range.first), range.is) << range.first;
    EXPECT_EQ(class_of(range.last), range.is) << range.last;
  }
}

// By Linux, whatever the registry says of them.
TEST(AddressClassTest, NoAddressIsThisMachine) {
  EXPECT_EQ(class_of("0.0.0.0"), kLoopback);
  EXPECT_EQ(class_of("::"), kLoopback);
  EXPECT_EQ(reached_by(ip("0.0.0.0")), ip("127.0.0.1"));
  EXPECT_EQ(reached_by(ip("::")), ip("::1"));
}

TEST(AddressClassTest, MappedAndTranslatedAddressesAreWhatTheyLeadTo) {
  for (const Range& range : kRanges) {
    if (std::string(range.first).find(':') != std::string::npos) continue;
    for (const char* text : {range.first, range.last}) {
      EXPECT_EQ(class_of("::ffff:" + std::string(text)), range.is) << text;
      EXPECT_EQ(class_of("64:ff9b::" + std::string(text)), range.is) << text;
    }
  }
  EXPECT_EQ(class_of("64:ff9b::0.0.0.0"), kReserved) << "nobody is reached through a translator";
}

TEST(AddressClassTest, MetadataServicesAreFoundInOtherAddresses) {
  for (const char* text : {"2002:a9fe:a9fe::", "2002:a9fe:a9fe:1::1", "2002:6464:64c8::1",
                           "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:2:3:4:a9fe:a9fe", "::a9fe:a9fe"}) {
    EXPECT_EQ(class_of(text), kMetadata) << text;
  }
  EXPECT_EQ(class_of("2002:a9fe:a9fd::"), kEmbedded);
  EXPECT_EQ(embedded_in(ip("2002:a00:7::1")), ip("10.0.0.7"));
  EXPECT_EQ(embedded_in(ip("64:ff9b:1::a00:7")), ip("10.0.0.7"));
  EXPECT_EQ(embedded_in(ip("::a00:7")), ip("10.0.0.7"));
  for (const char* text : {"::1", "2001::a00:7", "2003::a00:7", "10.0.0.7"}) {
    EXPECT_EQ(embedded_in(ip(text)), std::nullopt) << text;
  }
}

// The examples of RFC 6052, section 2.4, by another address.
TEST(AddressClassTest, PrefixesOfANetworksOwnAreTakenOff) {
  struct Example {
    const char* prefix;
    const char* address;
  };
  for (const auto& [prefix, address] : std::vector<Example>{
           {"2001:db8::/32", "2001:db8:c000:221::"},
           {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
           {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
           {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
           {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
           {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
       }) {
    const auto network = parse_network(prefix);
    ASSERT_TRUE(network) << prefix;
    EXPECT_TRUE(is_nat64_length(network->bits)) << prefix;
    const std::vector<Network> nat64{*network};
    EXPECT_EQ(to_text(reached_by(ip(address), nat64)), "192.0.2.33") << prefix;
    EXPECT_EQ(reached_by(ip(address)), ip(address)) << "not without being told";
  }
  EXPECT_EQ(class_of("64:ff9b:1::10.0.0.1", {*parse_network("64:ff9b:1::/96")}), kPrivate);
  EXPECT_EQ(class_of("64:ff9b:1::8.8.8.8", {*parse_network("64:ff9b:1::/96")}), kPublic);
  for (const int bits : {0, 24, 33, 72, 80, 88, 128}) EXPECT_FALSE(is_nat64_length(bits)) << bits;
}

TEST(AddressClassTest, EachHasANameOfItsOwn) {
  EXPECT_EQ(to_string(kPublic), "public");
  EXPECT_EQ(to_string(kLinkLocal), "link_local");
  EXPECT_EQ(to_string(kEmbedded), "embedded");
}

}  // namespace
}  // namespace rhooks::egress
