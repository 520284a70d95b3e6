// Checks the shape of the source tree: which folder may include what (docs/architecture.md),
// how long a function may be, that a name is one function in a module, and that each module says
// what it is.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string_view>;

// What the files below one folder may include. A name is a prefix of an include; "std" is the
// C++ standard library, "posix" the C library and the system (<unistd.h>, <sys/epoll.h>).
struct Layer {
  std::string_view folder;
  Names project;                   // by any file
  Names libraries;                 // by any file
  Names libraries_in_source = {};  // by .cc files only: headers stay light
  Names never = {};                // exceptions from `project`
};

// The longest folder that holds a file decides. What is not listed is forbidden.
const std::vector<Layer>& layers() {
  static const std::vector<Layer> table = {
      {"include/rhooks", {"rhooks/"}, {"std", "tl/expected.hpp"}},
      {"src/base", {"base/", "rhooks/"}, {"std"}, {"openssl/", "posix"}},
      {"src/signing", {"signing/", "base/", "rhooks/"}, {"std"}, {"openssl/"}},
      {"src/json", {"json/", "base/", "rhooks/"}, {"std"}, {"boost/json"}},
      {"src/schedule", {"schedule/", "base/", "rhooks/"}, {"std"}, {"cctz/"}},
      // Times that are compiled already, and no zones that are read from files.
      {"src/model",
       {"model/", "schedule/timetable.h", "json/", "base/", "rhooks/"},
       {"std"},
       {"boost/url"}},
      {"src/codec", {"codec/", "model/", "json/", "base/", "rhooks/"}, {"std"}},
      {"src/observe", {"observe/", "base/", "rhooks/"}, {"std"}, {"prometheus/", "posix"}},
      {"src/egress", {"egress/", "base/", "rhooks/"}, {"std"}, {"posix"}},
      // HTTP over libcurl, for all that make requests.
      {"src/net", {"net/", "egress/", "base/", "rhooks/"}, {"std", "curl/"}, {"openssl/", "posix"}},
      // Requests to AWS, whatever the service.
      {"src/aws",
       {"aws/", "net/", "observe/", "base/", "rhooks/"},
       {"std"},
       {"boost/json", "curl/", "openssl/", "posix"}},
      // The contract and what opens a store; the only place that names the concrete ones.
      {"src/store", {"store/", "codec/", "model/", "observe/", "base/", "rhooks/"}, {"std"}},
      {"src/store/memory",
       {"store/", "model/", "base/", "rhooks/"},
       {"std"},
       {},
       {"store/open.h", "store/rocks/", "store/dynamo/"}},
      {"src/store/rocks",
       {"store/", "codec/", "model/", "observe/", "base/", "rhooks/"},
       {"std", "rocksdb/"},
       {"boost/crc", "posix"},
       {"store/open.h", "store/memory/", "store/dynamo/"}},
      {"src/store/dynamo",
       {"store/", "aws/", "codec/", "model/", "observe/", "base/", "rhooks/"},
       {"std", "boost/json"},
       {"openssl/", "posix"},
       {"store/open.h", "store/memory/", "store/rocks/"}},
      {"src/secrets",
       {"secrets/", "signing/", "store/store.h", "store/known_documents.h", "codec/", "model/",
        "observe/", "base/", "rhooks/"},
       {"std"},
       {"openssl/", "posix"}},
      {"src/delivery",
       {"delivery/", "net/", "egress/", "secrets/credentials.h", "signing/webhook.h", "model/",
        "json/", "base/", "rhooks/"},
       {"std", "curl/"},
       {"openssl/", "brotli/", "posix"}},
      {"src/engine",
       {"engine/", "store/store.h", "store/endpoints.h", "store/flow_gate.h", "store/redrives.h",
        "secrets/secrets.h", "secrets/credentials.h", "secrets/redaction.h", "delivery/sender.h",
        "delivery/request_builder.h", "model/", "schedule/timetable.h", "schedule/zones.h",
        "observe/", "base/", "rhooks/"},
       {"std"}},
      {"src/hooks",
       {"hooks/", "engine/", "secrets/", "store/", "delivery/", "egress/", "codec/", "model/",
        "schedule/", "json/", "observe/", "base/", "rhooks/"},
       {"std"},
       {},
       {"store/memory/", "store/rocks/", "store/dynamo/"}},
      {"src/rest",
       {"rest/", "hooks/", "codec/", "model/", "json/", "observe/", "base/", "rhooks/"},
       {"std", "boost/asio", "boost/beast"},
       {"boost/json", "boost/url", "openssl/", "posix"}},
      {"src/cli",
       {"cli/", "rest/", "hooks/", "delivery/idle_connections.h", "schedule/", "net/", "egress/",
        "codec/", "model/", "json/", "observe/", "signing/", "base/", "rhooks/"},
       {"std", "CLI/"},
       {"toml++/", "boost/json", "posix"}},
      {"testing",
       {"testing/", "store/store.h", "store/memory/", "store/rocks/rocks_store.h",
        "delivery/sender.h", "delivery/request_builder.h", "model/", "observe/logging.h", "base/",
        "rhooks/"},
       {"std", "posix", "gtest/", "gmock/", "boost/json", "rocksdb/"},
       {"boost/asio", "boost/beast", "openssl/"}},
      // All of the server but its network, in simulated time.
      {"testing/simulator",
       {"testing/", "hooks/", "engine/", "secrets/", "store/", "delivery/", "codec/", "model/",
        "observe/", "base/", "rhooks/"},
       {"std", "posix", "gtest/", "gmock/", "boost/json", "sanitizer/"}},
  };
  return table;
}

bool starts_with_one_of(std::string_view name, const Names& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

struct Include {
  int line = 0;
  std::string name;
};

std::vector<Include> includes_of(std::string_view text) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<Include> found;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back({number, match[1]});
  }
  return found;
}

const Layer* layer_of(std::string_view path) {
  const Layer* best = nullptr;
  for (const Layer& layer : layers()) {
    bool inside = path.starts_with(std::string(layer.folder) + "/");
    if (inside && (!best || layer.folder.size() > best->folder.size())) best = &layer;
  }
  return best;
}

// "std", "posix", or the name itself where it is a library's or the project's.
std::string_view kind_of(std::string_view name) {
  if (name.find('/') == name.npos) return name.ends_with(".h") ? "posix" : "std";
  static const Names system = {"sys/", "netinet/", "arpa/", "linux/"};
  return starts_with_one_of(name, system) ? std::string_view("posix") : name;
}

bool is_test_header(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  return (path.starts_with("test_") && path.ends_with(".h")) || path.ends_with("_fixture.h");
}

// Why a file at `path` may not hold this include; nothing if it may.
std::optional<std::string> violation(std::string_view path, std::string_view name) {
  const Layer* layer = layer_of(path);
  if (!layer) return "no layer covers this folder; add it to tests/layers_test.cc";
  if (is_test_header(name) && layer->folder != "testing") return "it is for tests only";
  std::string_view kind = kind_of(name);
  if (starts_with_one_of(name, layer->never)) return "only the store itself names its kinds";
  if (starts_with_one_of(kind, layer->project)) return {};
  if (starts_with_one_of(kind, layer->libraries)) return {};
  if (starts_with_one_of(kind, layer->libraries_in_source)) {
    if (path.ends_with(".cc")) return {};
    return "libraries are included by .cc files only";
  }
  return std::string(layer->folder) + " may not include it";
}

std::vector<std::string> violations(std::string_view path, std::string_view text) {
  std::vector<std::string> found;
  for (const Include& include : includes_of(text)) {
    if (auto why = violation(path, include.name)) {
      found.push_back(std::string(path) + ":" + std::to_string(include.line) + ": " + include.name +
                      ": " + *why);
    }
  }
  return found;
}

struct File {
  std::string path;  // from the root of the checkout
  std::string text;

  // Beside the tests themselves what only they include: src/rest/test_client.h.
  bool is_test() const {
    return path.ends_with("_test.cc") || path.starts_with("tests/") || is_test_header(path);
  }
};

std::vector<File> files_below(const Names& folders) {
  const fs::path root = RHOOKS_SOURCE_DIR;
  std::vector<File> found;
  for (std::string_view folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (auto it = fs::recursive_directory_iterator(root / folder); it != end(it); ++it) {
      const fs::path& path = it->path();
      // Packages that were installed for the tests are not ours.
      if (path.filename() == "node_modules") it.disable_recursion_pending();
      if (!it->is_regular_file() || (path.extension() != ".cc" && path.extension() != ".h")) {
        continue;
      }
      std::ifstream stream(path);
      std::stringstream text;
      text << stream.rdbuf();
      EXPECT_TRUE(stream) << path;
      found.push_back({path.lexically_relative(root).generic_string(), text.str()});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return found;
}

std::string_view module_of(std::string_view path) {
  return path.substr(0, path.find('/', path.find('/') + 1));
}

// The functions that a file keeps to itself, with the namespace around them.
std::set<std::string> own_functions(std::string_view text) {
  static const std::regex function(R"(^[A-Za-z][\w:<>,&*\s]*?[\s&*](\w+)\()");
  std::set<std::string> found;
  std::istringstream lines{std::string(text)};
  std::string around;
  bool own = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "namespace {") {
      own = true;
    } else if (line == "}  // namespace") {
      own = false;
    } else if (line.starts_with("namespace ")) {
      around = line.substr(10, line.find(' ', 10) - 10);
    }
    std::smatch match;
    if (own && std::regex_search(line, match, function)) found.insert(around + "::" + match.str(1));
  }
  return found;
}

// Those of the files that are compiled as one, in which they would be overloads of each other.
std::vector<std::string> shared_names(const std::vector<File>& files) {
  std::map<std::string, std::string> first;
  std::vector<std::string> shared;
  for (const File& file : files) {
    if (!file.path.ends_with(".cc")) continue;
    const std::string together =
        fs::path(file.path).parent_path().string() + (file.is_test() ? " test " : " ");
    for (const std::string& name : own_functions(file.text)) {
      const auto [other, is_new] = first.emplace(together + name, file.path);
      if (!is_new) shared.push_back(file.path + ": " + name + "() is also in " + other->second);
    }
  }
  return shared;
}

// Where the comment, literal or preprocessor line that begins at `at` ends; `at` where none does.
std::size_t end_of_no_code(std::string_view text, std::size_t at) {
  const auto past = [&](std::string_view end, std::size_t from) {
    const std::size_t found = text.find(end, from);
    return found == text.npos ? text.size() : found + end.size();
  };
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return past("\n", at);
  if (rest.starts_with("/*")) return past("*/", at + 2);
  if (rest.starts_with("R\"")) {
    const std::string_view mark = rest.substr(2, rest.find('(') - 2);
    return past(")" + std::string(mark) + "\"", at);
  }
  if (rest.starts_with('#')) {
    std::size_t end = past("\n", at);
    while (end < text.size() && text[end - 2] == '\\') end = past("\n", end);
    return end;
  }
  // In 1'000 it begins nothing.
  const bool in_number = at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0;
  if (!rest.starts_with('"') && (!rest.starts_with('\'') || in_number)) return at;
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != rest.front()) end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

// The text with all its lines, without what is no code.
std::string code_of(std::string_view text) {
  std::string code;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_no_code(text, at);
    const std::string_view skipped = text.substr(at, end - at);
    if (skipped.empty()) code += text[at];
    code.append(std::count(skipped.begin(), skipped.end(), '\n'), '\n');
    at = std::max(end, at + 1);
  }
  return code;
}

std::size_t end_of_block(std::string_view code, std::size_t at) {
  int open = 0;
  for (; at < code.size(); ++at) {
    if (code[at] == '{') ++open;
    if (code[at] == '}' && --open == 0) break;
  }
  return at;
}

struct Function {
  std::string name;
  std::ptrdiff_t line = 0;   // of its opening brace
  std::ptrdiff_t lines = 0;  // from that one to the one of its closing brace
};

// Those of namespaces and classes. What is within them is theirs: lambdas, too.
std::vector<Function> functions_of(std::string_view text) {
  // Of what is before a brace, without what is in parentheses: "Result<int> f() const".
  static const std::regex function(
      R"(\)\s*((const|noexcept|override|final|&&?|\(\))\s*)*(->[^=]*|:[^:].*\)\s*)?$)");
  static const std::regex no_function(R"(=\s*(\[|requires\b))");
  static const std::regex name(R"(([\w:~]+|operator\S+)\(\))");
  static const std::regex scope(R"(\b(namespace|class|struct|union)\b|\bextern\s*$)");
  const std::string code = code_of(text);
  std::vector<Function> found;
  std::string head;
  std::ptrdiff_t line = 1;
  int parentheses = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const char c = code[at];
    if (c == '\n') ++line;
    if (c == ')') --parentheses;
    if (c == '(' && parentheses++ == 0) head += c;
    if (parentheses > 0 || c == '(') continue;
    if (c == ';' || c == '}') {
      head.clear();
    } else if (c != '{') {
      const bool blank = c == ' ' || c == '\n';
      if (!blank || !head.ends_with(' ')) head += blank ? ' ' : c;
    } else {
      const bool is_function =
          std::regex_search(head, function) && !std::regex_search(head, no_function);
      if (!is_function && std::regex_search(head, scope)) {
        head.clear();
        continue;
      }
      const std::size_t end = end_of_block(code, at);
      const std::string_view block = std::string_view(code).substr(at, end - at);
      const std::ptrdiff_t breaks = std::count(block.begin(), block.end(), '\n');
      std::smatch match;
      if (is_function && std::regex_search(head, match, name)) {
        found.push_back({match.str(1), line, breaks + 1});
      }
      // After the value of a variable or member what it belongs to goes on.
      head = is_function ? "" : head + "()";
      line += breaks;
      at = end;
    }
  }
  return found;
}

const File* find(const std::vector<File>& files, std::string_view path) {
  auto found =
      std::find_if(files.begin(), files.end(), [&](const File& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

// The libraries that a header includes, by itself or by other headers of the project.
std::set<std::string> libraries_behind(const std::vector<File>& files, std::string path) {
  static const Names heavy = {"boost/",      "curl/", "rocksdb/", "openssl/",
                              "prometheus/", "CLI/",  "toml++/",  "cctz/"};
  std::set<std::string> libraries;
  std::set<std::string> seen = {path};
  std::vector<std::string> to_visit = {std::move(path)};
  while (!to_visit.empty()) {
    const File* file = find(files, to_visit.back());
    to_visit.pop_back();
    if (!file) continue;
    for (const Include& include : includes_of(file->text)) {
      if (starts_with_one_of(include.name, heavy)) libraries.insert(include.name);
      if (seen.insert("src/" + include.name).second) to_visit.push_back("src/" + include.name);
    }
  }
  return libraries;
}

TEST(LayersTest, IncludesFollowTheDirections) {
  int checked = 0;
  for (const File& file : files_below({"include", "src", "testing"})) {
    if (file.is_test()) continue;  // a test may reach for a neighbour as a tool
    ++checked;
    for (const std::string& line : violations(file.path, file.text)) ADD_FAILURE() << line;
  }
  EXPECT_GT(checked, 30) << "too few files were found; is RHOOKS_SOURCE_DIR right?";
}

// An adapter may show its library in private headers, not in those that others include.
TEST(LayersTest, NoModuleBringsItsLibraryToOthers) {
  const std::vector<File> files = files_below({"include", "src"});
  int crossings = 0;
  for (const File& file : files) {
    if (file.is_test()) continue;
    for (const Include& include : includes_of(file.text)) {
      if (module_of("src/" + include.name) == module_of(file.path)) continue;
      if (find(files, "src/" + include.name) == nullptr) continue;
      ++crossings;
      for (const std::string& library : libraries_behind(files, "src/" + include.name)) {
        // What src/net is for: those who include it speak libcurl themselves.
        if (module_of("src/" + include.name) == "src/net" && library == "curl/curl.h") continue;
        ADD_FAILURE() << file.path << ":" << include.line << ": " << include.name << " brings <"
                      << library << "> with it";
      }
    }
  }
  EXPECT_GT(crossings, 30);
}

TEST(LayersTest, EveryLayerExists) {
  for (const Layer& layer : layers()) {
    EXPECT_TRUE(fs::is_directory(fs::path(RHOOKS_SOURCE_DIR) / layer.folder)) << layer.folder;
  }
}

TEST(LayersTest, FunctionsStayShort) {
  int seen = 0;
  std::vector<std::string> long_ones;
  for (const File& file : files_below({"include", "src", "testing", "bench", "fuzz"})) {
    if (file.is_test()) continue;
    for (const Function& one : functions_of(file.text)) {
      const std::string place = file.path + ":" + std::to_string(one.line) + ": " + one.name + "()";
      ++seen;
      EXPECT_LE(one.lines, 80) << place << " asks to be split by its steps";
      if (one.lines > 60 && file.path.starts_with("src/")) long_ones.push_back(place);
    }
  }
  EXPECT_GT(seen, 2000);
  EXPECT_LE(long_ones.size(), 10u) << "more than 60 lines: " << ::testing::PrintToString(long_ones);
}

// Several files are compiled as one: a call must not find a function of another file.
TEST(LayersTest, OneNameIsOneFunctionInAModule) {
  for (const std::string& why : shared_names(files_below({"src", "testing", "bench/load"}))) {
    ADD_FAILURE() << why << "; name them apart, or share one";
  }
}

TEST(LayersTest, EveryModuleSaysWhatItIs) {
  int modules = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(RHOOKS_SOURCE_DIR) / "src")) {
    if (!entry.is_directory()) continue;
    ++modules;
    fs::path readme = entry.path() / "README.md";
    ASSERT_TRUE(fs::exists(readme)) << readme;
    EXPECT_GT(fs::file_size(readme), 80u) << readme << " says too little";
  }
  EXPECT_GE(modules, 10);
}

// The checks above are worth nothing if they cannot fail.
TEST(LayersSelfTest, RefusesWhatTheDirectionsForbid) {
  struct Case {
    std::string_view path, include;
  };
  for (auto [path, include] : std::vector<Case>{
           {"src/engine/claimer.h", "<curl/curl.h>"},
           {"src/engine/claimer.cc", "<rocksdb/db.h>"},
           {"src/engine/claimer.cc", "\"store/memory/memory_store.h\""},
           {"src/engine/claimer.cc", "\"delivery/curl_sender.h\""},
           {"src/engine/claimer.cc", "\"codec/public_json.h\""},
           {"src/model/transitions.cc", "\"store/store.h\""},
           {"src/model/transitions.cc", "<unistd.h>"},
           {"src/model/new_task.h", "<boost/url.hpp>"},
           {"src/base/clock.h", "\"model/record.h\""},
           {"src/codec/stored.cc", "<rocksdb/slice.h>"},
           {"src/store/store.h", "<rocksdb/db.h>"},
           {"src/store/rocks/rocks_store.cc", "\"aws/sigv4.h\""},
           {"src/aws/sigv4.cc", "\"store/dynamo/client.h\""},
           {"src/store/memory/memory_store.cc", "\"store/rocks/keys.h\""},
           {"src/hooks/hooks.cc", "\"store/rocks/rocks_store.h\""},
           {"src/hooks/hooks.cc", "\"rest/server.h\""},
           {"src/rest/server.cc", "\"store/store.h\""},
           {"src/cli/listen.cc", "<boost/beast/http.hpp>"},
           {"include/rhooks/task.h", "<boost/json.hpp>"},
           {"include/rhooks/task.h", "\"base/clock.h\""},
           {"src/rest/server.cc", "\"rest/test_client.h\""},
           {"src/other/thing.cc", "<vector>"},
       }) {
    std::string text = "#pragma once\n\n  #  include " + std::string(include) + "\n";
    auto found = violations(path, text);
    ASSERT_EQ(found.size(), 1u) << path << " with " << include;
    EXPECT_TRUE(found[0].starts_with(std::string(path) + ":3: ")) << found[0];
  }
}

TEST(LayersSelfTest, SeesFunctionsOfOneName) {
  const std::string a =
      "namespace rhooks::x {\nnamespace {\n\nint twice(int n) {\n  return 2 * n;\n";
  const std::string b =
      "namespace rhooks::x {\nnamespace {\n\nconst char* twice(const char* s) {\n";
  EXPECT_EQ(shared_names({{"src/x/a.cc", a}, {"src/x/b.cc", b}}),
            std::vector<std::string>{"src/x/b.cc: rhooks::x::twice() is also in src/x/a.cc"});
  EXPECT_TRUE(shared_names({{"src/x/a.cc", a}, {"src/x/b_test.cc", b}}).empty());
  EXPECT_TRUE(shared_names({{"src/x/a.cc", a}, {"src/y/b.cc", b}}).empty());
  const std::string known = "namespace rhooks::x {\nint twice(int n) {\n";
  EXPECT_TRUE(shared_names({{"src/x/a.cc", a}, {"src/x/b.cc", known}}).empty());
}

TEST(LayersSelfTest, MeasuresFunctionsAndNothingElse) {
  const std::string text = R"text(#define OPEN \
  {
namespace x {
namespace {

enum class Color {
  kRed,
};

struct Point : Base<int(int)> {
  int x{0};
  std::vector<int> all = {
      1,
  };
  Point(int a, std::string b = {})
      : x{a},
        name_(std::move(b)) {
  }
  bool operator==(const Point&) const {
    return true;
  }
};

const std::map<int, Handler> kTable = {
    {1, [](int n) {
       return n;
     }},
};
const auto kLambda = [](int n) {
  return n;
};

// { of a comment, /* too
template <typename T, typename = std::enable_if_t<true>>
auto f(std::function<void()> g = {}) -> Result<int> {
  if (x == '"') {
    g('{', "}\"{", R"x(}}")x");  /* { */
  }
  return [](int n) {
    return n + 1'000;
  }(1);
}

}
}
int last() { return 1; }
)text";
  std::vector<std::string> found;
  for (const Function& one : functions_of(text)) {
    found.push_back(one.name + " " + std::to_string(one.line) + " " + std::to_string(one.lines));
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{"Point 17 2", "operator== 19 3", "f 35 8", "last 46 1"}));
  const std::string long_one = "int f(\n    int n) {\n" + std::string(79, '\n') + "}\n";
  ASSERT_EQ(functions_of(long_one).size(), 1u);
  EXPECT_EQ(functions_of(long_one)[0].lines, 81);
}

TEST(LayersSelfTest, SeesLibrariesBehindHeaders) {
  const std::vector<File> files = {
      {"src/a/face.h", "#include \"a/inner.h\"\n#include <vector>\n"},
      {"src/a/inner.h", "#include <curl/curl.h>\n#include \"a/face.h\"\n"},
      {"src/a/light.h", "#include <string>\n"},
  };
  EXPECT_EQ(libraries_behind(files, "src/a/face.h"), std::set<std::string>{"curl/curl.h"});
  EXPECT_EQ(libraries_behind(files, "src/a/light.h"), std::set<std::string>{});
  EXPECT_EQ(module_of("src/a/face.h"), "src/a");
}

TEST(LayersSelfTest, AcceptsWhatTheDirectionsAllow) {
  const std::string text = R"(
#include "engine/claimer.h"

#include <rhooks/task.h>

#include <vector>

#include "delivery/sender.h"
#include "model/record.h"
#include "store/store.h"
// #include <curl/curl.h>
)";
  EXPECT_EQ(violations("src/engine/claimer.cc", text), std::vector<std::string>{});
  EXPECT_EQ(violations("src/model/new_task.cc", "#include <boost/url/parse.hpp>\n"),
            std::vector<std::string>{});
  EXPECT_EQ(violations("src/store/rocks/keys.cc", "#include <rocksdb/slice.h>\n"),
            std::vector<std::string>{});
}

}  // namespace
