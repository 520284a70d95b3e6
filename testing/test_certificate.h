#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace rhooks::testing {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

// A fresh self-signed certificate for the host names and IPv4 addresses given, which ends so long
// from now, or ended. Throws std::runtime_error if OpenSSL fails.
TestCertificate make_test_certificate(const std::vector<std::string>& names,
                                      std::chrono::seconds ends_in = std::chrono::hours{1});

}  // namespace rhooks::testing
