#include "cli/input_args.h"

#include <fstream>
#include <sstream>

#include "base/utf8.h"
#include "cli/usage.h"
#include "model/fields.h"
#include "model/limits.h"

namespace rhooks::cli {
namespace {

std::optional<Header> header_of(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
  const auto value = line.find_first_not_of(" \t", colon + 1);
  return Header{std::string(line.substr(0, colon)),
                std::string(value == std::string_view::npos ? "" : line.substr(value))};
}

// Of a file, a header a line: what stands on a command line stands in `ps` for everybody. So its
// lines are not shown, either.
Result<void> add_headers_of(std::istream& in, const std::string& from,
                            std::vector<Header>& headers) {
  auto text = read_all(in, "--header", from);
  if (!text) return fail(text.error());
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    auto header = header_of(line);
    if (!header) {
      return usage("--header: line " + std::to_string(number) + " of " + from +
                   " is no header; write Name: value");
    }
    headers.push_back(std::move(*header));
  }
  return {};
}

}  // namespace

std::string help_of(const model::FieldWords& field) {
  std::string help = field.help != nullptr ? field.help : field.doc;
  std::erase(help, '`');
  return help;
}

Result<std::string> read_all(std::istream& in, const std::string& option, const std::string& name) {
  std::string text(model::kBodyBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return usage(option + ": " + name + " cannot be read");
  if (text.size() > model::kBodyBytesMax) {
    return usage(option + ": " + name + " is longer than 256 KiB, the most that a task sends");
  }
  if (const auto wrong = not_utf8(text)) return usage(option + ": " + name + ' ' + *wrong);
  return text;
}

Result<std::vector<Header>> make_headers(const std::vector<std::string>& given, std::istream& in) {
  std::vector<Header> headers;
  for (const std::string& one : given) {
    Result<void> added;
    if (one == "@-") {
      added = add_headers_of(in, "standard input", headers);
    } else if (one.starts_with('@')) {
      std::ifstream file(one.substr(1), std::ios::binary);
      if (!file) return usage("--header: the file " + one.substr(1) + " cannot be read");
      added = add_headers_of(file, one.substr(1), headers);
    } else if (auto header = header_of(one)) {
      headers.push_back(std::move(*header));
    } else {
      return usage("--header: \"" + one + "\" is no header; write 'Name: value'");
    }
    if (!added) return fail(added.error());
  }
  return headers;
}

}  // namespace rhooks::cli
