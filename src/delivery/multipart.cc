#include "delivery/multipart.h"

#include <string_view>

#include "base/sha256.h"

namespace rhooks::delivery {
namespace {

constexpr std::size_t kBoundaryBytes = 16;
constexpr std::size_t kAroundBytes = 100;  // of a part, its boundary included

std::string boundary_of(const std::vector<FormPart>& parts) {
  std::string all;
  for (const FormPart& part : parts) {
    all.append(std::to_string(part.name.size())).append(1, ':').append(part.name);
    all.append(std::to_string(part.value.size())).append(1, ':').append(part.value);
  }
  const Sha256 hash = sha256_of_bytes(all);
  return "rhooks-" + to_hex(hash.data(), kBoundaryBytes);
}

void append_escaped(std::string& out, std::string_view name) {
  for (const char c : name) {
    if (c == '"') {
      out += "%22";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else {
      out += c;
    }
  }
}

}  // namespace

MultipartForm encode_multipart(const std::vector<FormPart>& parts) {
  const std::string boundary = boundary_of(parts);
  std::size_t bytes = kAroundBytes;
  for (const FormPart& part : parts) bytes += part.name.size() + part.value.size() + kAroundBytes;
  MultipartForm form;
  form.content_type = "multipart/form-data; boundary=" + boundary;
  std::string& body = form.body;
  body.reserve(bytes);
  for (const FormPart& part : parts) {
    body.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"");
    append_escaped(body, part.name);
    body.append("\"\r\n\r\n").append(part.value).append("\r\n");
  }
  body.append("--").append(boundary).append("--\r\n");
  return form;
}

}  // namespace rhooks::delivery
