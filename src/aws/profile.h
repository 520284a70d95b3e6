#pragma once

#include <rhooks/result.h>

#include <map>
#include <string>
#include <string_view>

#include "aws/environment.h"

// The files that AWS's tools share
// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
namespace rhooks::aws {

// Names in lower case. A nested one is "outer.inner":
//   dynamodb =
//     endpoint_url = http://localhost:8000
using Properties = std::map<std::string, std::string, std::less<>>;
// By the text between the brackets, its words apart by one space: "profile dev".
using Sections = std::map<std::string, Properties, std::less<>>;

// Reads such a file; a later value of a name replaces the earlier.
// Errors: kInvalidArgument with the number of the line, which is not quoted: it may hold a key.
Result<Sections> parse_shared_file(std::string_view text);

// One profile of the two files together.
struct Profile {
  std::string name;
  Properties properties;  // of the credentials file where both have one
  Properties services;    // of the [services X] that it names
  bool found = false;
  std::string files;  // "/home/me/.aws/credentials (no such file), …": for error messages

  // "" where it has none.
  std::string get(std::string_view property) const;
};

// Reads the profile from AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, or ~/.aws/credentials
// and ~/.aws/config. `wanted` empty: that of AWS_PROFILE, or "default". A file that does not
// exist is empty.
// Errors: kInvalidArgument, field "profile": a file cannot be read, or a profile that was asked
// for by name is in none.
// Blocking: file I/O.
Result<Profile> load_profile(const Environment& environment, std::string_view wanted);

// A whole small file, such as a token's. Errors: kNotFound (it does not exist), kUnavailable;
// the messages are a few words without the path.
Result<std::string> read_small_file(const std::string& path);

}  // namespace rhooks::aws
