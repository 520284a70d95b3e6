#include "delivery/multipart.h"

#include <gtest/gtest.h>

namespace rhooks::delivery {
namespace {

// The boundary that the content type names.
std::string boundary_in(const MultipartForm& form) {
  const std::string prefix = "multipart/form-data; boundary=";
  EXPECT_EQ(form.content_type.substr(0, prefix.size()), prefix);
  return form.content_type.substr(prefix.size());
}

std::string part(const std::string& boundary, const std::string& name, const std::string& value) {
  return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" +
         value + "\r\n";
}

TEST(MultipartTest, EachPartStandsBetweenBoundaries) {
  const std::string value("x\0y\r\n", 5);
  const MultipartForm form = encode_multipart({{"a", "1"}, {"we\"ird\r\nname", value}, {"", ""}});
  const std::string boundary = boundary_in(form);
  // RFC 2046, section 5.1.1.
  EXPECT_LE(boundary.size(), 70u);
  EXPECT_EQ(form.body, part(boundary, "a", "1") + part(boundary, "we%22ird%0D%0Aname", value) +
                           part(boundary, "", "") + "--" + boundary + "--\r\n");
}

TEST(MultipartTest, EveryOtherCharacterOfANameStandsForItself) {
  for (int c = 1; c < 256; ++c) {
    const std::string name = std::string("a") + static_cast<char>(c) + "b";
    if (c == '"' || c == '\r' || c == '\n') continue;
    const MultipartForm form = encode_multipart({{name, "v"}});
    EXPECT_EQ(form.body.find(part(boundary_in(form), name, "v")), 0u) << c;
  }
}

TEST(MultipartTest, OneFormIsAlwaysTheSameAndHasABoundaryOfItsOwn) {
  const MultipartForm form = encode_multipart({{"a", "bc"}});
  EXPECT_EQ(encode_multipart({{"a", "bc"}}).body, form.body);
  EXPECT_NE(encode_multipart({{"ab", "c"}}).content_type, form.content_type);
  EXPECT_NE(encode_multipart({{"a", "b"}, {"c", ""}}).content_type, form.content_type);
  // Who knows the boundary of one form cannot end a part of it: with it, it is another form.
  const std::string boundary = boundary_in(form);
  const std::string forged = "bc\r\n--" + boundary + "--\r\n";
  EXPECT_NE(boundary_in(encode_multipart({{"a", forged}})), boundary);
}

}  // namespace
}  // namespace rhooks::delivery
