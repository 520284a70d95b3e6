#pragma once

#include <rhooks/result.h>
#include <rhooks/task.h>

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace rhooks::model {
struct FieldWords;
}  // namespace rhooks::model

// Options that say what a task or an endpoint is made of.
namespace rhooks::cli {

// The help of a field's flag.
std::string help_of(const model::FieldWords& field);

// What stands between commas, in its order; "" is one empty text.
std::vector<std::string> split_at_commas(std::string_view text);

// The whole of a stream that `option` named, if it is not longer than a body may be. `name`: of the
// stream, for messages. Errors: kInvalidArgument.
Result<std::string> read_all(std::istream& in, const std::string& option, const std::string& name);

// What --header says: each of `given` is "Name: value", or @FILE, or @- for `in`.
Result<std::vector<Header>> make_headers(const std::vector<std::string>& given, std::istream& in);

// What --method, --header, --body and --text say of a request.
struct RequestArgs {
  std::string method, body;
  std::vector<std::string> headers;
  bool text = false;

  // Puts it into `request`, which keeps what `command` was not given. `in`: standard input. Errors:
  // kInvalidArgument.
  Result<void> apply(const CLI::App& command, std::istream& in, Request& request) const;
};

}  // namespace rhooks::cli
