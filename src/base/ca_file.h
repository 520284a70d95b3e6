#pragma once

#include <rhooks/result.h>

#include <string>

namespace rhooks {

// Whether TLS can trust the certificate authorities of this file: a regular file in PEM form with
// one certificate at least, read as libcurl with OpenSSL reads it (X509_load_cert_crl_file(3)).
// Blocks: reads the file. Threads: any. Errors: kInvalidArgument, field "caFile"; the message
// names the file and what is wrong with it.
Result<void> check_ca_file(const std::string& path);

}  // namespace rhooks
