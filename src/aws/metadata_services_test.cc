#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "aws/credential_chain.h"
#include "aws/test_aws.h"
#include "base/iso8601.h"
#include "testing/manual_clock.h"
#include "testing/test_receiver.h"

namespace rhooks::aws {
namespace {

using testing::ManualClock;
using testing::TestReceiver;
using testing::TestRequest;
using testing::TestResponse;

constexpr char kKeys[] =
    R"({"Code":"Success","AccessKeyId":"AKMETA","SecretAccessKey":"s","Token":"t",)"
    R"("Expiration":"2030-01-01T06:00:00Z"})";
constexpr char kStsKeys[] =
    R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":)"
    R"({"AccessKeyId":"AKSTS","SecretAccessKey":"s","SessionToken":"t","Expiration":1893477600}}}})";

// Answers by a handler that a test may change.
class Services : public ::testing::Test {
 protected:
  std::string found(const CredentialOptions& options = {}) {
    const auto source = make_credentials(options, aws.environment(), addresses);
    if (!source) return source.error().message;
    const auto credentials = (*source)->get(clock.now());
    if (!credentials) return credentials.error().message;
    EXPECT_EQ(credentials->secret_access_key, "s");
    EXPECT_EQ(credentials->session_token, "t");
    EXPECT_EQ(credentials->expires_at, parse_time("2030-01-01T06:00:00Z").value());
    return credentials->access_key_id;
  }
  void set(std::string name, std::string value) {
    aws.variables[std::move(name)] = std::move(value);
  }
  void answer(TestReceiver::Handler handler) {
    std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  void answer(int status, std::string body = {}) {
    answer([=](const TestRequest&) { return TestResponse::with_status(status, body); });
  }
  TestRequest last() { return service.requests().back(); }

 private:
  std::mutex mutex_;
  TestReceiver::Handler handler_ = [](const TestRequest&) {
    return TestResponse::with_status(404);
  };

 protected:
  ManualClock clock;  // 2030-01-01
  TestAws aws;
  TestReceiver service{[this](const TestRequest& request) {
    std::lock_guard lock(mutex_);
    return handler_(request);
  }};
  MetadataAddresses addresses{service.url(""), service.url("")};
};

void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

class WebIdentityTest : public Services {
 protected:
  WebIdentityTest() {
    set("AWS_ENDPOINT_URL_STS", service.url(""));
    set("AWS_WEB_IDENTITY_TOKEN_FILE", aws.write("token", "eyJ.SECRET+/=\n"));
    set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    answer(200, kStsKeys);
  }
};

TEST_F(WebIdentityTest, AsksStsByTheToken) {
  EXPECT_EQ(found(), "AKSTS");
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().target, "/");
  EXPECT_EQ(last().header("accept"), "application/json");
  EXPECT_EQ(last().header("content-type"), "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_EQ(last().body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=rhooks"
            "&WebIdentityToken=eyJ.SECRET%2B%2F%3D");
  // The file is written anew from time to time.
  aws.write("token", "two");
  set("AWS_ROLE_SESSION_NAME", "me@pod");
  EXPECT_EQ(found(), "AKSTS");
  expect_parts(last().body, {"RoleSessionName=me%40pod", "WebIdentityToken=two"});
}

TEST_F(WebIdentityTest, ThatOfAProfile) {
  aws.config("[default]\nrole_arn = arn:r\nweb_identity_token_file = " +
             aws.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] + "\nrole_session_name = s\n");
  aws.variables.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  EXPECT_EQ(found(), "AKSTS");
  expect_parts(last().body, {"RoleArn=arn%3Ar&RoleSessionName=s&"});
}

TEST_F(WebIdentityTest, ARefusalIsNoReasonToBeSomeoneElse) {
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url("/container"));
  answer(400, R"({"Error":{"Code":"ExpiredTokenException","Message":"SECRET"}})");
  const std::string message = found();
  expect_parts(message, {"arn:aws:iam::1:role/r", "status 400", "ExpiredTokenException", "token"});
  EXPECT_EQ(message.find("SECRET"), std::string::npos);
  EXPECT_EQ(service.request_count(), 1u);
}

TEST_F(WebIdentityTest, FaultsAreNamed) {
  answer(200, "<AssumeRoleWithWebIdentityResponse/>");
  expect_parts(found(), {"its answer holds no credentials"});
  answer(500);
  expect_parts(found(), {"status 500"});
  aws.write("token", " \n");
  expect_parts(found(), {"/token", "is empty"});
  set("AWS_WEB_IDENTITY_TOKEN_FILE", aws.home.sub("none"));
  expect_parts(found(), {"/none", "no such file"});
  aws.variables.erase("AWS_ROLE_ARN");
  expect_parts(found(), {"without AWS_ROLE_ARN"});
}

TEST_F(WebIdentityTest, TheTokenGoesToNoOneInPlainText) {
  set("AWS_ENDPOINT_URL_STS", "http://sts.example");
  expect_parts(found(), {"AWS_ENDPOINT_URL_STS is plain http"});
  set("AWS_ENDPOINT_URL_STS", "sts.example");
  expect_parts(found(), {"AWS_ENDPOINT_URL_STS is no URL"});
}

class ContainerTest : public Services {};

TEST_F(ContainerTest, RelativeAddress) {
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1?a=b");
  answer(200, kKeys);
  EXPECT_EQ(found(), "AKMETA");
  EXPECT_EQ(last().method, "GET");
  EXPECT_EQ(last().target, "/v2/credentials/1?a=b");
  EXPECT_FALSE(last().has_header("authorization"));
  for (const char* wrong : {"@evil.example/", "v2", "/a b"}) {
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", wrong);
    expect_parts(found(), {"begins with /"});
  }
}

TEST_F(ContainerTest, FullAddressWithAToken) {
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url("/get"));
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
  answer(200, kKeys);
  EXPECT_EQ(found(), "AKMETA");
  EXPECT_EQ(last().target, "/get");
  EXPECT_EQ(last().header("authorization"), "Basic abc");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", aws.write("token", "of-file\n"));
  EXPECT_EQ(found(), "AKMETA");
  EXPECT_EQ(last().header("authorization"), "of-file");
  aws.write("token", "a\r\nX-Evil: SECRET");
  const std::string message = found();
  expect_parts(message, {"authorization token holds line ends"});
  EXPECT_EQ(message.find("SECRET"), std::string::npos);
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", aws.home.sub("none"));
  expect_parts(found(), {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "no such file"});
}

TEST_F(ContainerTest, PlainHttpToThisMachineOnly) {
  for (const char* refused : {"http://example.com/", "http://169.254.170.3/",
                              "http://127.0.0.1.example.com/", "http://[fd00:ec2::24]/"}) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", refused);
    expect_parts(found(), {"plain http to another machine"});
  }
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "file:///etc/passwd");
  expect_parts(found(), {"AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL"});
}

TEST_F(ContainerTest, FaultsAreNamed) {
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url("/get"));
  answer(403, "SECRET");
  expect_parts(found(), {"container", "status 403"});
  EXPECT_EQ(found().find("SECRET"), std::string::npos);
  answer(200, "SECRET");
  expect_parts(found(), {"is no JSON object"});
  EXPECT_EQ(found().find("SECRET"), std::string::npos);
  answer([](const TestRequest&) {
    return TestResponse::with_fault(TestResponse::Fault::kEndlessBody, "x");
  });
  expect_parts(found(), {"longer than 64 KiB"});
  service.stop();
  expect_parts(found(), {"no answer"});
}

class InstanceTest : public Services {
 protected:
  InstanceTest() {
    aws.variables.erase("AWS_EC2_METADATA_DISABLED");
    answer([this](const TestRequest& request) { return metadata(request); });
  }

  TestResponse metadata(const TestRequest& request) const {
    static constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";
    if (request.method == "PUT" && request.target == "/latest/api/token") {
      const bool lives = request.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600";
      return TestResponse::with_status(lives ? token_status : 400, "session");
    }
    if (request.header("x-aws-ec2-metadata-token") != "session") {
      return TestResponse::with_status(401);
    }
    if (request.target == kRoles) return TestResponse::with_status(roles_status, roles);
    if (request.target == std::string(kRoles) + "my-role") {
      return TestResponse::with_status(200, keys);
    }
    return TestResponse::with_status(404);
  }

  int token_status = 200;
  int roles_status = 200;
  std::string roles = "my-role\nother\n";
  std::string keys = kKeys;
};

TEST_F(InstanceTest, GivesThoseOfTheRole) {
  EXPECT_EQ(found(), "AKMETA");
  EXPECT_EQ(service.request_count(), 3u);
  addresses = {};
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url("/"));
  EXPECT_EQ(found(), "AKMETA");
}

TEST_F(InstanceTest, ComesLast) {
  set("AWS_ACCESS_KEY_ID", "AKENV");
  set("AWS_SECRET_ACCESS_KEY", "s");
  set("AWS_SESSION_TOKEN", "t");
  const auto source = make_credentials({}, aws.environment(), addresses).value();
  EXPECT_EQ(source->get(clock.now())->access_key_id, "AKENV");
  EXPECT_EQ(service.request_count(), 0u);
}

TEST_F(InstanceTest, CanBeTurnedOff) {
  set("AWS_EC2_METADATA_DISABLED", "TRUE");
  expect_parts(found(), {"AWS_EC2_METADATA_DISABLED is true"});
  EXPECT_EQ(service.request_count(), 0u);
}

TEST_F(InstanceTest, TheOldProtocolIsNotUsed) {
  token_status = 403;
  expect_parts(found(), {"there are no AWS credentials", "no session token, status 403"});
  EXPECT_EQ(service.request_count(), 1u);
}

TEST_F(InstanceTest, FaultsAreNamed) {
  roles_status = 404;
  expect_parts(found(), {"the instance has no role", "give this machine"});
  roles_status = 200;
  roles = "../../evil\n";
  expect_parts(found(), {"names no role"});
  roles = "gone";
  expect_parts(found(), {"role gone", "status 404"});
  roles = "my-role";
  keys = R"({"Code":"AssumeRoleUnauthorizedAccess"})";
  expect_parts(found(), {"role my-role", "trust policy"});
  keys = R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s","Token":"t",)"
         R"("Expiration":"2029-12-31T00:00:00Z"})";
  expect_parts(found(), {"instance metadata have expired at 2029-12-31"});
  service.stop();
  expect_parts(found(), {"instance metadata: http://127.0.0.1", "no answer"});
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost/path");
  expect_parts(found(), {"AWS_EC2_METADATA_SERVICE_ENDPOINT is a URL with a path"});
}

}  // namespace
}  // namespace rhooks::aws
