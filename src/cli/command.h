#pragma once

#include <rhooks/hooks_api.h>

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/io.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace rhooks::store {
struct StoreTraits;
}

namespace rhooks::cli {

// The tree of commands while a line is parsed, and what the chosen one runs.
//
// Each command declares its options once; help, errors with suggestions and the completion
// script are made from them. The type name of an option tells what it takes: "A|B" is a
// choice, FILE and DIR are paths.
class Commands {
 public:
  explicit Commands(Io& io);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  using Run = std::function<int()>;

  // Adds a command. `examples` are shown below its help, one a line.
  CLI::App& add(const std::string& name, const std::string& description,
                const std::vector<std::string>& examples, Run run);

  // Gives a command the flags of these settings, and --config.
  void add_settings(CLI::App& command, std::initializer_list<const char*> keys);
  // Gives a command what those that call the scheduler share: --server, --store, --config,
  // --ca-file and --json.
  void add_hooks_options(CLI::App& command);
  void add_json_option(CLI::App& command);
  // Gives a command --namespace, which it needs, or a line of it of which `needed` says so. Where a
  // line has none, `ns` becomes that of the environment or the file before the command runs.
  void add_namespace(CLI::App& command, std::string& ns, std::function<bool()> needed = {});

  // The configuration with the flags of the line; an error has been printed where there is none.
  std::optional<Config> config();
  // Makes an empty `ns` that of the environment or the file, if there is one. False: an error has
  // been printed.
  bool default_namespace(std::string& ns);
  // The scheduler they ask for, by --server, --store, RHOOKS_STORE, RHOOKS_SERVER or the default
  // server, the first of these that is given: a server's, or a Hooks without a worker on the store.
  // An error has been printed, and `exit_code` set, where there is none. `makes_store`: the command
  // may make a store in an empty directory, and tells at a terminal where it did.
  std::unique_ptr<HooksApi> hooks(int& exit_code, bool makes_store = false);

  // Refuses the store of a command that works on one by itself: a memory: store, and, for a
  // command that reads, a directory without a store, since opening it would make one. Prints
  // the error and returns the exit code.
  std::optional<int> refuse_store(const Config& config, bool reads);

  bool json() const { return json_; }
  Io& io() { return io_; }
  CLI::App& root() { return *root_; }
  int run(const CLI::App& command);

 private:
  Io& io_;
  std::unique_ptr<CLI::App> root_;
  std::map<const CLI::App*, Run> runs_;
  struct NamespaceOption {
    std::string* ns;
    std::function<bool()> needed;
  };
  std::map<const CLI::App*, NamespaceOption> namespaces_;
  std::map<std::string, std::string> flags_;  // of settings, as typed
  std::map<std::string, std::unique_ptr<std::string>> flag_slots_;
  bool json_ = false;
  std::string config_path_;
};

// Whether it is a store of files, and nobody has made it so far.
bool is_missing(const store::StoreTraits& store);

// "rhooks: <what>\n  <what to do>" on standard error: a message of two parts, with "; "
// between them, goes on two lines. With --json a problem document (RFC 9457) as the API's, in one
// line; of a text without a code, `exit_code` tells whether the line was wrong or it failed inside.
// Returns `exit_code`.
int report(Io& io, const Error& error, int exit_code);
int report(Io& io, const std::string& message, int exit_code);

// Asks on standard error and reads an answer; only "y" and "yes" are a yes. Not at a
// terminal: no, with an error that names --yes. Returns an exit code where the answer is no.
std::optional<int> refuse_unless_confirmed(Io& io, const std::string& question);

// "41,201".
std::string grouped(std::int64_t n);
// "1 task", "2 tasks".
std::string count_of(std::int64_t n, const std::string& noun);

// All that follow, as `rhooks --help` lists them.
void add_all(Commands& commands);
void add_register(Commands& commands);
void add_queries(Commands& commands);  // get, fetch, logs, namespaces
void add_changes(Commands& commands);  // delete, suspend, unsuspend, cancel, and the bulk ones
void add_many_changes(Commands& commands);
void add_triggers(Commands& commands);  // trigger, trigger-dryrun
void add_endpoints(Commands& commands);
void add_redrive(Commands& commands);
void add_schedule(Commands& commands);
void add_backfill(Commands& commands);
void add_store(Commands& commands);
void add_serve(Commands& commands);
void add_listen(Commands& commands);
void add_secrets(Commands& commands);
void add_keys(Commands& commands);
void add_signing(Commands& commands);  // sign, verify
void add_egress(Commands& commands);
void add_completion(Commands& commands);

}  // namespace rhooks::cli
