#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/app.h"
#include "cli/command.h"

namespace rhooks::cli {
namespace {

std::string spellings(const CLI::Option& option, const char* separator) {
  std::string text;
  const auto add = [&](const std::string& name) { text += (text.empty() ? "" : separator) + name; };
  for (const std::string& name : option.get_lnames()) add("--" + name);
  for (const std::string& name : option.get_snames()) add("-" + name);
  return text;
}

// The cases of one command: what may follow each option that takes a value.
std::string value_cases(const CLI::App& command) {
  std::string cases;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_type_size() == 0 || option->nonpositional() == false) continue;
    std::string choices = option->get_type_name();
    std::string action = "return ;;\n";
    if (choices.find('|') != std::string::npos) {
      std::replace(choices.begin(), choices.end(), '|', ' ');
      action = "COMPREPLY=($(compgen -W \"" + choices + "\" -- \"$cur\")); return ;;\n";
    } else if (choices == "FILE") {
      action = "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
    }
    cases += "        " + spellings(*option, "|") + ") " + action;
  }
  return cases;
}

std::string words_of(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    if (option->nonpositional()) words += (words.empty() ? "" : " ") + spellings(*option, " ");
  }
  return words;
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string names, cases;
  for (const CLI::App* command : root.get_subcommands({})) {
    names += (names.empty() ? "" : " ") + command->get_name();
    std::string pattern = command->get_name();
    for (const std::string& alias : command->get_aliases()) {
      names += " " + alias;
      pattern += "|" + alias;
    }
    std::string words = words_of(*command);
    for (const CLI::Option* option : command->get_options()) {
      if (option->nonpositional()) continue;
      std::string choices = option->get_type_name();
      std::replace(choices.begin(), choices.end(), '|', ' ');
      words += " " + choices;
    }
    cases += "    " + pattern + ")\n";
    if (const std::string values = value_cases(*command); !values.empty()) {
      cases += "      case \"$prev\" in\n" + values + "      esac\n";
    }
    cases += "      words=\"" + words + "\" ;;\n";
  }
  return "# bash completion of rhooks. Made by `rhooks completion bash`; load it with\n"
         "#   source <(rhooks completion bash)\n"
         "_rhooks() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" words\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         names + " " + words_of(root) +
         "\" -- \"$cur\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases +
         "    *) return ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _rhooks rhooks\n";
}

void add_completion(Commands& commands) {
  auto shell = std::make_shared<std::string>("bash");
  CLI::App& command = commands.add(
      "completion", "Print the script that completes commands and flags in a shell.",
      {"source <(rhooks completion bash)",
       "rhooks completion bash > ~/.local/share/bash-completion/completions/rhooks"},
      [&commands, shell] {
        if (*shell != "bash") {
          return report(commands.io(),
                        "there is no completion for " + *shell + "; there is one for bash",
                        kExitUsage);
        }
        commands.io().out << bash_completion(commands.root());
        return kExitDone;
      });
  command.add_option("shell", *shell, "the shell [bash]")->type_name("bash");
}

}  // namespace rhooks::cli
