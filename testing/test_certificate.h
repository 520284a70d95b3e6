#pragma once

#include <string>
#include <vector>

namespace rhooks::testing {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

// A fresh self-signed certificate, valid for an hour, for the host names and IPv4 addresses
// given. Throws std::runtime_error if OpenSSL fails.
TestCertificate make_test_certificate(const std::vector<std::string>& names);

}  // namespace rhooks::testing
