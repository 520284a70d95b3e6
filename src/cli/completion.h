#pragma once

#include <string>

namespace CLI {
class App;
}

namespace rhooks::cli {

// The bash completion script of a command tree: its commands, their flags, and what an
// option takes where its type name tells (choices "A|B", FILE).
std::string bash_completion(const CLI::App& root);

}  // namespace rhooks::cli
