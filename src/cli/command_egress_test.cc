// egress check. Nothing is connected to; names that are looked up are those of this machine.

#include <gtest/gtest.h>

#include "cli/test_io.h"

namespace rhooks::cli {
namespace {

using Args = std::vector<std::string>;

TestRun check_egress(const std::string& target, const Args& more = {},
                     const Environment& environment = {}) {
  Args args{"egress", "check", target};
  args.insert(args.end(), more.begin(), more.end());
  return run_line(args, environment);
}

TEST(EgressCommandTest, TellsWhatBecomesOfAnAddress) {
  const TestRun open = check_egress("10.0.0.7");
  EXPECT_EQ(open.exit_code, kExitDone) << open.err;
  EXPECT_EQ(open.out,
            "may be sent to 10.0.0.7 on port 443 (egress: open)\n"
            "ADDRESS   CLASS    VERDICT\n"
            "10.0.0.7  private  allowed\n");
  const TestRun closed = check_egress("http://10.0.0.7:81/x", {"--egress", "public"});
  EXPECT_EQ(closed.exit_code, kExitFailed) << closed.err;
  EXPECT_NE(closed.out.find("may not be sent to 10.0.0.7 on port 81 (egress: public): "),
            std::string::npos)
      << closed.out;
  EXPECT_NE(closed.out.find("10.0.0.7  private  refused: private\n"), std::string::npos)
      << closed.out;
}

TEST(EgressCommandTest, GoesByTheSettings) {
  EXPECT_EQ(check_egress("2130706433", {}, {{"RHOOKS_EGRESS", "public"}}).exit_code, kExitFailed);
  EXPECT_EQ(check_egress("localhost:9000",
                         {"--egress", "public", "--egress-allow", "10.0.0.0/8, localhost:9000"})
                .exit_code,
            kExitDone);
  EXPECT_EQ(check_egress("8.8.8.8", {"--egress-deny", "8.8.0.0/16"}).exit_code, kExitFailed);
  EXPECT_EQ(check_egress("8.8.8.8", {"--egress-ports", "80,8000-8999"}).exit_code, kExitFailed);
  EXPECT_EQ(check_egress("http://8.8.8.8/", {"--egress-https-only"}).exit_code, kExitFailed);
  EXPECT_EQ(
      check_egress("64:ff9b:1::8.8.8.8", {"--egress", "public", "--egress-nat64", "64:ff9b:1::/96"})
          .exit_code,
      kExitDone);
  EXPECT_EQ(check_egress("169.254.169.254", {"--egress-allow", "0.0.0.0/0"}).exit_code,
            kExitFailed);
  // auto
  EXPECT_EQ(check_egress("10.0.0.7", {"--listen", "0.0.0.0:8090"}).exit_code, kExitFailed);
  EXPECT_EQ(check_egress("10.0.0.7", {"--listen", "[::1]:8090"}).exit_code, kExitDone);
}

TEST(EgressCommandTest, NamesThatAreDeniedAreNotLookedUp) {
  const TestRun denied = check_egress("nobody.invalid", {"--egress-deny", "*.invalid"});
  EXPECT_EQ(denied.exit_code, kExitFailed);
  EXPECT_NE(denied.out.find("may not be sent to nobody.invalid"), std::string::npos) << denied.out;
  const TestRun proxied =
      check_egress("nobody.invalid", {"--egress-proxy", "http://proxy.invalid:3128"});
  EXPECT_EQ(proxied.exit_code, kExitDone) << proxied.err;
  EXPECT_NE(proxied.out.find("as far as the proxy lets it"), std::string::npos) << proxied.out;
}

TEST(EgressCommandTest, AsJson) {
  EXPECT_EQ(check_egress("https://[::ffff:127.0.0.1]/", {"--egress", "public", "--json"}).out,
            R"({"host":"::ffff:127.0.0.1","port":443,"egress":"public","allowed":false,)"
            R"("refusal":"loopback","addresses":[{"address":"127.0.0.1","class":"loopback",)"
            R"("allowed":false,"refusal":"loopback"}]})"
            "\n");
  EXPECT_EQ(check_egress("8.8.8.8", {"--json"}).out,
            R"({"host":"8.8.8.8","port":443,"egress":"open","allowed":true,"addresses":[)"
            R"({"address":"8.8.8.8","class":"public","allowed":true}]})"
            "\n");
}

TEST(EgressCommandTest, SaysWhatIsWrong) {
  const auto expect_usage = [](const TestRun& run, const std::string& part) {
    EXPECT_EQ(run.exit_code, kExitUsage) << run.out;
    EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
    EXPECT_EQ((run.err + run.out).find("hush"), std::string::npos) << run.err;
  };
  expect_usage(run_line({"egress", "show", "host"}), "there is `rhooks egress check`");
  expect_usage(run_line({"egress", "check"}), "is missing");
  expect_usage(check_egress("a b"), "is no URL, host or address");
  expect_usage(check_egress("ftp://host/"), "is no URL, host or address");
  expect_usage(check_egress("host", {"--egress", "closed"}), "auto");
  expect_usage(check_egress("host", {"--egress-allow", "10.0.0.1/8"}), "egress_allow: ");
  expect_usage(check_egress("host", {"--egress-proxy", "http://u:hush@proxy:1"}),
               "RHOOKS_EGRESS_PROXY_PASSWORD");
}

}  // namespace
}  // namespace rhooks::cli
