#include "cli/input_args.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/utf8.h"
#include "cli/usage.h"
#include "codec/public_json.h"
#include "json/text.h"
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

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool begins_like_json(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) return true;
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && std::string_view("{[\"").find(text[first]) != text.npos;
}

// The body that `text` stands for. What begins like JSON and is not goes out as text only if the
// caller says so: it is far more often a slip, such as quotes that the shell took.
Result<Body> body_of(std::string text, bool as_text) {
  if (as_text) return Body::text(std::move(text));
  const auto json = check_body_json(text);
  if (json) return json->body();
  if (!begins_like_json(text)) return Body::text(std::move(text));
  return usage(
      "--body begins like JSON and cannot be sent as JSON: " +
      (text.starts_with(kByteOrderMark)
           ? std::string("it begins with a byte order mark, which JSON has not")
           : json.error().message) +
      "; JSON is quoted for the shell as in --body '{\"key\":\"value\"}'; or add --text to "
      "send it as it is, as text");
}

constexpr bool is_standard_input(std::string_view body) {
  return body == "-" || body == "@-";
}

// The text that --body names: that of @FILE, or of - or @- for `in`, or itself.
Result<std::string> body_text(std::string given, std::istream& in) {
  if (is_standard_input(given)) return read_all(in, "--body", "standard input");
  if (!given.starts_with('@')) return given;
  const std::string name = given.substr(1);
  std::ifstream file(name, std::ios::binary);
  if (!file) return usage("--body: the file " + name + " cannot be read");
  return read_all(file, "--body", name);
}

}  // namespace

std::string help_of(const model::FieldWords& field) {
  std::string help = field.help != nullptr ? field.help : field.doc;
  std::erase(help, '`');
  return help;
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(',', from), text.size());
    parts.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
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
  if (std::count(given.begin(), given.end(), "@-") > 1) {
    return usage("--header @- is given twice; standard input is read once");
  }
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

Result<void> RequestArgs::apply(const CLI::App& command, std::istream& in, Request& request) const {
  if (command.count("--method") > 0) {
    const auto named = codec::parse_method(method);
    if (!named) return usage("--method: " + named.error().message);
    request.method = *named;
  }
  if (is_standard_input(body) && std::count(headers.begin(), headers.end(), "@-") > 0) {
    return usage("--header @- and --body - both read standard input; take a file for one of them");
  }
  auto made = make_headers(headers, in);
  if (!made) return fail(made.error());
  request.headers = std::move(*made);
  if (command.count("--body") > 0) {
    auto read = body_text(body, in);
    if (!read) return fail(read.error());
    auto sent = body_of(std::move(*read), text);
    if (!sent) return fail(sent.error());
    request.body = std::move(*sent);
  } else if (text) {
    return usage("--text says what --body is; add --body");
  }
  return {};
}

}  // namespace rhooks::cli
