#pragma once

#include <string>
#include <vector>

namespace rhooks::delivery {

struct FormPart {
  std::string name;
  std::string value;
};

struct MultipartForm {
  std::string content_type;  // with the boundary
  std::string body;
};

// A form as browsers send it (WHATWG HTML, multipart/form-data encoding algorithm; RFC 7578).
// The boundary is a hash of all of it, so it stands in none of its parts, and one form is always
// the same bytes: its signature can be made before it is sent. Pure.
MultipartForm encode_multipart(const std::vector<FormPart>& parts);

}  // namespace rhooks::delivery
