// The messages of testing/test_receiver.h.
#include <algorithm>
#include <cctype>
#include <utility>

#include "testing/test_receiver.h"

namespace rhooks::testing {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

std::string TestRequest::header(std::string_view name) const {
  for (const auto& h : headers) {
    if (equal_ignoring_case(h.name, name)) return h.value;
  }
  return {};
}

bool TestRequest::has_header(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const Header& h) { return equal_ignoring_case(h.name, name); });
}

TestResponse TestResponse::with_status(int status, std::string body) {
  TestResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

TestResponse TestResponse::with_fault(Fault fault, std::string body) {
  TestResponse response;
  response.fault = fault;
  response.body = std::move(body);
  return response;
}

}  // namespace rhooks::testing
